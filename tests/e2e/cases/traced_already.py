"""Applications that trace themselves: one span for each request, the application's; one trace with those that do not."""

import time
from collections import defaultdict

from harness import Agent, Hop, closed, load, until
from harness.test import APPS, INSTALLED
from harness.tracelet import Span

PYTHON = INSTALLED / "python-traced/venv/bin/python"
LEVELS = {1: 20, 8: 100}


def run(test):
    ports = {name: test.port() for name in ("zipkin_compact", "jaeger_compact")}
    file = test.directory / "spans.jsonl"
    agent = Agent(
        test,
        f"""
[selector]
netns = "/proc/self/ns/net"
[exporter.file]
path = "{file}"
[ingest.zipkin_compact]
listen = ":{ports["zipkin_compact"]}"
[ingest.jaeger_compact]
listen = ":{ports["jaeger_compact"]}"
{closed("jaeger_binary", "sampling")}
""",
    )
    until(agent.ready, "the agent is not ready")
    last = test.relay()
    # 5775, and 6831 of jaeger-agent
    applications = {
        "flask": test.serve(
            [PYTHON, APPS / "flask_otel.py"], last + "/last", environment=settings(ports["zipkin_compact"])
        ),
        "fastapi": test.serve(
            [PYTHON, APPS / "fastapi_otel.py"], last + "/last", environment=settings(ports["jaeger_compact"])
        ),
    }
    for name, url in applications.items():  # what sends spans is known from then on
        load(f"{url}/warm-{name}", [Hop("warm")], False, {1: 1})
    until(lambda: metric(agent, "unseen") >= 3, "no spans of the applications", 15)

    traffic = {name: load(f"{url}/{name}", [Hop(name)], True, LEVELS) for name, url in applications.items()}
    requests = sum(len(level.ids) for levels in traffic.values() for level in levels)
    calls = sum(len(level.ids) for level in traffic["fastapi"])
    until(lambda: agent.metrics()["tracelet_spans_joined_total"] >= requests + calls, "spans are not joined", 15)
    time.sleep(1.2)
    outcomes = {name: metric(agent, name) for name in ("headers", "endpoints", "tied", "ambiguous", "unseen")}
    joined = agent.metrics()["tracelet_spans_joined_total"]
    print(f"{outcomes}, {joined:.0f} captured spans are the applications'")
    agent.process.terminate()
    agent.process.wait(timeout=11)

    by_order = defaultdict(list)
    for span in map(Span, file.read_text().splitlines()):
        by_order[(span.path if span.path != "*" else span["http.target"] or "").rsplit("/", 1)[-1]].append(span)
    sdk = sdk_spans(by_order)
    wrong = sum(check(name, order, by_order[order], sdk) for name in traffic for level in traffic[name] for order in level.ids)
    print(f"{requests} requests, {wrong} wrong")
    assert wrong == 0
    assert outcomes["endpoints"] == requests and outcomes["tied"] == outcomes["ambiguous"] == 0, outcomes
    assert outcomes["headers"] == calls, outcomes


def settings(port):
    return {"AGENT_PORT": str(port), "OTEL_BSP_SCHEDULE_DELAY": "1000"}


def metric(agent, outcome):
    return agent.metrics()[f'tracelet_sdk_spans_total{{outcome="{outcome}"}}']


def sdk_spans(by_order):
    return {span.span_id: span for spans in by_order.values() for span in spans if span.service.endswith("-otel")}


def check(name, order, spans, sdk):
    """0: caller, application, what it called: one trace, a span for each side of each call."""
    front = [span for span in spans if f"/{name}/" in (span.path, span["http.target"] or "")[span.path == "*"]]
    client = one(front, "client")
    server = one(front, "server")
    called = one([span for span in spans if "/last/" in span.path], "server")
    if not (client and server and called):
        print(f"{name} {order}: not one of each: {spans}")
        return 1
    right = (server.parent, server.trace_id) == (client.span_id, client.trace_id)
    right &= server["tracelet.link"] == "sdk" and called.trace_id == server.trace_id
    if name == "flask":  # it does not see its call: the kernel does
        call = one([span for span in spans if "/last/" in span.path], "client")
        right &= bool(call) and call.parent == server.span_id and called.parent == call.span_id
    else:  # its own client span
        call = sdk.get(called.parent)
        right &= bool(call) and call.parent == server.span_id and call["tracelet.link"] == "sdk"
    if not right:
        print(f"{name} {order}: {client} {server} {call} {called}")
    return 0 if right else 1


def one(spans, kind):
    found = [span for span in spans if span.kind == kind]
    return found[0] if len(found) == 1 else None
