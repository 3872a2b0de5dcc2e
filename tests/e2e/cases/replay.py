"""record, then replay: the same spans as live, to the byte, every time."""

import subprocess

from harness import Hop, load, score
from harness.tracelet import Span


def run(test):
    recording = test.directory / "recording"
    last = test.relay()
    stock = test.go(next=last + "/last", keep_alive=True)
    front = test.relay(next=stock + "/stock")
    tracelet = test.tracelet("--netns", "/proc/self/ns/net", "--record", recording)
    hops = [Hop("front"), Hop("stock", "thread"), Hop("last", "goroutine")]
    traffic = [*load(front + "/front", hops, keep_alive=True), *load(front + "/front", hops, keep_alive=False)]
    live = tracelet.stop()
    score(live, traffic)
    first, second = (replay(test, recording) for _ in range(2))
    assert first == second, "two replays differ"
    shown = sorted(map(Span.text, live))
    again = sorted(first)
    different = [pair for pair in zip(shown, again) if pair[0] != pair[1]]
    assert (
        shown == again
    ), f"{len(live)} spans live, {len(again)} in the replay, {len(different)} differ: {different[:2]}"


def replay(test, recording):
    done = subprocess.run(
        [test.binary, "replay", "--format", "json", recording], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Span(line).text() for line in done.stdout.splitlines()]
