"""A Flask that traces itself in a network namespace of its own, as a pod's: its spans are the captured ones, as on the host."""

import json
import urllib.request

from harness import Agent, Nodes, closed, until
from harness.test import APPS, INSTALLED
from harness.tracelet import Span

PYTHON = INSTALLED / "python-traced/venv/bin/python"
REQUESTS = 20


def run(test):
    (pod,) = Nodes(test, 1)
    outside = "10.77.1.1"  # what the pod calls its node
    port = test.port()
    file = test.directory / "spans.jsonl"
    agent = Agent(
        test,
        f"""
[selector]
netns = "/proc/{pod.holder.pid}/ns/net"
[exporter.file]
path = "{file}"
[ingest.zipkin_compact]
listen = ":{port}"
{closed("jaeger_compact", "jaeger_binary", "sampling")}
""",
    )
    until(agent.ready, "the agent is not ready")
    pod.relay()
    last = f"http://{pod.address}:{pod.next_port}/last"
    environment = dict(HOST=pod.address, PORT="8080", NEXT=last, AGENT_HOST=outside, AGENT_PORT=str(port))
    environment["OTEL_BSP_SCHEDULE_DELAY"] = "1000"
    pod.start([PYTHON, APPS / "flask_otel.py"], environment, name="flask")
    test.wait_for((pod.address, 8080))

    ask(pod, "warm")  # what sends spans is known from then on
    until(lambda: sum(outcomes(agent).values()) >= 1, "no spans of the application", 15)
    for number in range(REQUESTS):
        ask(pod, number)
    until(lambda: outcomes(agent)["endpoints"] >= REQUESTS, f"spans are not joined: {outcomes(agent)}", 15)
    agent.process.terminate()
    agent.process.wait(timeout=11)

    spans = list(map(Span, file.read_text().splitlines()))
    own = [span for span in spans if span.service == "flask-otel" and span["tracelet.link"] == "sdk"]
    calls = {span.parent: span for span in spans if span.kind == "client" and span["tracelet.link"] == "thread"}
    whole = [span for span in own if span.span_id in calls and calls[span.span_id].trace_id == span.trace_id]
    print(f"{len(own)} of {REQUESTS} requests have the application's span, {len(whole)} of them are the parents of its calls")
    assert len(whole) >= REQUESTS, spans


def ask(pod, order):
    request = urllib.request.Request(f"http://{pod.address}:8080/flask/{order}", json.dumps({}).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()


def outcomes(agent):
    prefix = 'tracelet_sdk_spans_total{outcome="'
    return {name.removeprefix(prefix)[:-2]: value for name, value in agent.metrics().items() if name.startswith(prefix)}
