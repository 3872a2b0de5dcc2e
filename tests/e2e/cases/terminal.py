"""What a person sees: traces as trees, a summary at the end, and the exit status of `check`."""

import signal
import subprocess
import time

from harness import Hop, load, until


def run(test):
    last = test.relay()
    front = test.relay(next=last + "/last")
    shown = test.directory / "shown"
    with open(shown, "wb") as output:
        process = test.start([test.binary, "run", "--netns", "/proc/self/ns/net"], name="tree", stdout=output)
        log = next(test.directory.glob("*-tree.log"))
        until(lambda: "ready" in log.read_text(), "ready")
        load(front + "/front", [Hop("front")], False, {1: 20})
        time.sleep(2)  # longer than spans are held
        tree = shown.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0, log.read_text()
    print(*tree.splitlines()[:8], sep="\n")
    fronts = [line for line in tree.splitlines() if "POST /front/" in line and "└" not in line]
    calls = [line for line in tree.splitlines() if "POST /last/" in line and "└" in line]
    assert (len(fronts), len(calls)) == (20, 20), f"not 20 traces of two requests while tracelet runs:\n{tree}"
    summary = log.read_text()
    assert "40 requests served and 40 made, 0 failed, 20 traces" in summary, summary
    check = subprocess.run([test.binary, "check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0 and "BTF" in check.stdout, check.stdout + check.stderr
