"""Pools whose workers are woken by a request's thread and wake it, or read requests without blocking, as Tomcat's do: linked
when the request is alone in its process. Pools that also do what no request waits for, wait for limits, timers and locks, and write logs: right or refused, never wrong."""

import time
from collections import Counter

from harness import Hop, load

LEVELS = {1: 100, 4: 40, 10: 40}
WAYS = {
    "thread_pool.cc": "pool after sometimes left delayed seldom priority limiter gather log cron",
    "Pools.java": "pool future after sometimes left delayed seldom log cron",
    "Poller.java": "direct left delayed suspended seldom yield alone",
}


def run(test):
    last = test.node_answers() + "/last"
    tracelet = test.tracelet()
    loads = {}
    for program, ways in WAYS.items():
        for way in ways.split():
            front = start(test, program, way, last)
            loads[program, way] = load(f"{front}/front", [Hop("front"), Hop("last", "either")], True, LEVELS)
            time.sleep(0.3)  # for what is left
            test.processes[-1].kill()
    spans = tracelet.stop()
    orders = {order for traffics in loads.values() for traffic in traffics for order in traffic.ids}
    linked = [call for call in calls(spans) if order_of(call) not in orders and call.has_parent()]
    assert not linked, f"{len(linked)} calls for no request are linked to one: {linked[:2]}"
    for (program, way), traffics in loads.items():
        counts = count(spans, traffics)
        print(f"{program:<16}{way:<12}" + "   ".join(show(level, one) for level, one in counts.items()), flush=True)
        wrong = [one["wrong"] for one in counts.values()]
        assert not any(wrong), f"{program}, {way}: {wrong} wrong"
        if way in ("pool", "future", "direct"):
            assert counts[1]["right"] > 50, f"{program}, {way}: {counts[1]}"


def start(test, program, way, last):
    if program.endswith(".java"):
        main = program.removesuffix(".java")
        return test.serve(["java", "-Xmx256m", "-cp", test.compile(program), main], next=last, environment={"WAY": way})
    port = test.port()
    test.start([test.compile(program), port, last.split(":")[2].partition("/")[0], way])
    test.wait_for(("127.0.0.1", port))
    return f"http://127.0.0.1:{port}"


def calls(spans):
    return (span for span in spans if span.kind == "client" and span.path.startswith("/last/"))


def order_of(call):
    """The request that it is for; of a thread's own: what it is."""
    return call.path.rpartition("/")[2].partition(".")[0]


def count(spans, traffics):
    """{concurrency: how the calls for its requests were linked}"""
    servers = {span.path.rpartition("/")[2]: span for span in spans if span.kind == "server" and span.path.startswith("/front/")}
    levels = {order: level for level, traffic in zip(LEVELS, traffics) for order in traffic.ids}
    missing = [order for order in levels if order not in servers]
    assert not missing, f"{len(missing)} of {len(levels)} requests are missing"
    counts = {level: Counter() for level in LEVELS}
    for call in calls(spans):
        order = order_of(call)
        if order not in levels:
            continue
        true = (call.parent, call.trace_id) == (servers[order].span_id, servers[order].trace_id)
        counts[levels[order]]["refused" if not call.has_parent() else "right" if true else "wrong"] += 1
    return counts


def show(level, counts):
    return f"{level}: {counts['right']} / {counts['refused']} / {counts['wrong']}"
