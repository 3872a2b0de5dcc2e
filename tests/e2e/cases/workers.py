"""Pools whose workers are woken by a request's thread and wake it: linked when the request is alone in its process. Pools that
also do what no request waits for, wait for limits, timers and locks, and write logs: right or refused, never wrong."""

import time
from collections import Counter

from harness import Hop, load
from harness.test import APPS

LEVELS = {1: 500, 2: 200, 4: 200, 10: 100}
WAYS = {
    "thread_pool.cc": "pool after sometimes left delayed seldom priority limiter gather log cron",
    "Pools.java": "pool future after sometimes left delayed seldom log cron",
}


def run(test):
    last = test.node_answers() + "/last"
    for program, ways in WAYS.items():
        for way in ways.split():
            tracelet = test.tracelet()
            front = start(test, program, way, last)
            traffics = load(f"{front}/front", [Hop("front"), Hop("last", "either")], True, LEVELS)
            time.sleep(0.3)  # for what is left
            test.processes[-1].kill()
            counts = count(tracelet.stop(), traffics)
            print(f"{program:<16}{way:<12}" + "   ".join(show(level, one) for level, one in counts.items()), flush=True)
            wrong = [count["wrong"] for count in counts.values()]
            assert not any(wrong), f"{program}, {way}: {wrong} wrong"
            if way in ("pool", "future"):
                assert counts[1]["right"] > 300, f"{program}, {way}: {counts[1]}"


def start(test, program, way, last):
    if program.endswith(".java"):
        return test.serve(["java", "-Xmx256m", APPS / program], next=last, environment={"WAY": way})
    port = test.port()
    test.start([test.compile(program), port, last.split(":")[2].partition("/")[0], way])
    test.wait_for(("127.0.0.1", port))
    return f"http://127.0.0.1:{port}"


def count(spans, traffics):
    """{concurrency: how the calls for its requests were linked}; None: calls for none."""
    servers = {span.path.rpartition("/")[2]: span for span in spans if span.kind == "server" and span.path.startswith("/front/")}
    levels = {order: level for level, traffic in zip(LEVELS, traffics) for order in traffic.ids}
    assert len(servers) == len(levels), f"{len(servers)} of {len(levels)} requests"
    counts = {level: Counter() for level in (*LEVELS, None)}
    for call in spans:
        if call.kind != "client" or not call.path.startswith("/last/"):
            continue
        order = call.path.rpartition("/")[2].partition(".")[0]
        server = servers.get(order)
        true = server and (call.parent, call.trace_id) == (server.span_id, server.trace_id)
        counts[levels.get(order)]["refused" if not call.has_parent() else "right" if true else "wrong"] += 1
    return counts


def show(level, counts):
    return f"{level or 'none'}: {counts['right']} / {counts['refused']} / {counts['wrong']}"
