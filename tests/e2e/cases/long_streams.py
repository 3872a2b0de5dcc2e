"""A gRPC stream that stays open: its messages so far are in /metrics and in a run's summary, and on its span in the end."""

import json
import subprocess
import time

from harness import Agent, until
from harness.rpc import PROGRAMS, serve

NS = 1_000_000_000


class Talk:
    def __init__(self, test, address):
        command = [*PROGRAMS["python"], "talk", address]
        self.process = test.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, messages):
        print(messages, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "answered\n"


def run(test):
    address = serve(test, "go")
    port = address.split(":")[1]
    spans = test.directory / "spans.jsonl"
    agent = Agent(test, f"""
[selector]
netns = "/proc/self/ns/net"
ports = [{port}]
[http]
progress_s = 1
[exporter.file]
path = "{spans}"
""")
    until(agent.ready, "the agent is not ready")
    tracelet = test.tracelet("--netns", "/proc/self/ns/net", "--port", port)
    talk = Talk(test, address)
    talk.say(3)
    began = time.monotonic()
    assert not streams(agent), "not long yet"
    until(lambda: len(streams(agent)) == 2, "the stream is not told of")
    assert time.monotonic() - began < 3
    expect(agent, 3)
    talk.say(4)
    until(lambda: expect(agent, 7), "what was said since is not told", 5)

    assert not tracelet.stop(), "the call has not ended"
    summary = tracelet.errors()
    for words in ("open     2:", "made POST /demo.Bidi/talk", "served POST /demo.Bidi/talk", "(7 messages sent, 7 received)"):
        assert words in summary, (words, summary)

    time.sleep(max(0.0, began + 4.3 - time.monotonic()))
    talk.say(2)
    talk.process.stdin.close()
    assert talk.process.wait(timeout=10) == 0
    until(lambda: agent.ledger("file")["exported"] == 2, "the spans are not exported")
    assert not streams(agent), "it is over"
    ended = [json.loads(line) for line in spans.read_text().splitlines()]
    for span in ended:
        assert span["attributes"]["tracelet.rpc.request.messages"] == 9, span
        assert span["attributes"]["tracelet.rpc.response.messages"] == 9, span
        progress = [event for event in span["events"] if event["name"] == "tracelet.rpc.progress"]
        seconds = [(event["time_unix_nano"] - span["start_unix_nano"]) / NS for event in progress]
        counts = [[event["attributes"][f"tracelet.rpc.{end}.messages"] for end in ("request", "response")] for event in progress]
        print(span["kind"], *zip(seconds, counts))
        # After one second and when it had doubled; 4 s told nothing new.
        assert [round(second, 2) for second in seconds] == [1, 2], span
        assert counts == [[3, 3], [7, 7]], span
    assert {span["kind"] for span in ended} == {"client", "server"}


def streams(agent):
    return [name for name in agent.metrics() if name.startswith("tracelet_rpc_streams_open")]


def expect(agent, messages):
    """Both ends of the one call, each by its own words."""
    found = {name: value for name, value in agent.metrics().items() if name.startswith("tracelet_rpc_streams_messages")}
    assert len(found) == 4 and all('rpc_service="demo.Bidi",rpc_method="talk"' in name for name in found), found
    return set(found.values()) == {messages}
