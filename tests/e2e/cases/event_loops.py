"""Event loops: Node in every way that it makes calls, nginx, a queue. Right, or refused; never wrong."""

import json
import socket
import time

from harness import Hop, load, load_through_nginx, score
from harness.test import APPS, NODE_NEWEST

LESS = {1: 10, 10: 60, 100: 150}
REQUESTS = 40

# How the call must be tied to its request. "either" right or refused: how often depends on what else was open.
NODE = {
    "http": "loop",
    "fetch": "loop",
    "fresh": "loop",
    "later_tick": "loop",
    "timer": "refused",
    "immediate": "either",  # right where the loop had nothing else to do
    "file": "refused",
    "random": "refused",
    "lookup": "either",  # of names: only connections that are used again
    "max_sockets": "either",
    "max_sockets_close": "either",
    "limit": "either",
    "limit_fetch": "either",
    "one_connection": "either",
}


def run(test):
    tracelet = test.tracelet()
    last = test.node_answers()
    traffic = []
    for way, link in NODE.items():
        front = test.serve(["node", APPS / "loops.js"], next=last + "/last", environment={"WAY": way})
        traffic += load(front + f"/{way}", [Hop(way), Hop("last", link)], True, LESS)
    twice = test.serve(
        ["node", APPS / "loops.js"], next=last + "/last", environment={"WAY": "twice", "OTHER": last + "/other"}
    )
    hops = [Hop("twice"), Hop("other", "loop"), Hop("last", "either", "twice")]
    traffic += load(twice + "/twice", hops, True, LESS)

    address = last.removeprefix("http://")
    for keep_alive in (False, True):
        front = test.nginx(address, keep_alive)
        traffic += load_through_nginx(front + "/proxy", [Hop("proxy"), Hop("wsgi", "loop")], keep_alive, LESS)
    queue = test.port()
    test.start([test.compile("task_queue.c"), queue, last.rpartition(":")[2]])
    test.wait_for(("127.0.0.1", queue))
    traffic += load(f"http://127.0.0.1:{queue}/queue", [Hop("queue"), Hop("last")], True, LESS)
    score(tracelet.stop(), traffic)
    at_rest(test, last, "node", "immediate")
    at_rest(test, last, NODE_NEWEST, "fetch")
    leftovers(test, last, "leftover", 400)
    leftovers(test, last, "steps", 200)


def at_rest(test, last, node, way):
    """One request now and then: what its callback defers is its own."""
    tracelet = test.tracelet()
    front = test.serve([node, APPS / "loops.js"], next=last + "/last", environment={"WAY": way})
    host, _, port = front.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        for order in range(REQUESTS):
            time.sleep(0.02)
            body = json.dumps({"id": str(order)})
            connection.sendall(f"POST /rest/{order} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    spans = tracelet.stop()
    servers = {span.path.rpartition("/")[2]: span.span_id for span in spans if span.path.startswith("/rest/") and span.kind == "server"}
    calls = [span for span in spans if span.path.startswith("/last/") and span.kind == "client"]
    linked = [span for span in calls if span.has_parent()]
    wrong = [span for span in linked if span.parent != servers[span.path.rpartition("/")[2]]]
    assert len(calls) == REQUESTS and not wrong, f"{len(calls)} calls, wrong: {wrong[:2]}"
    assert len(linked) > 0.8 * REQUESTS, f"{len(linked)} linked: {[span.refused for span in calls]}"


def leftovers(test, last, way, at_least):
    """Jobs that requests left in a limiter are started by answers to others' calls, or by immediates: theirs, or nobody's."""
    tracelet = test.tracelet()
    environment = {"WAY": way, "OTHER": last + "/left"}
    front = test.serve(["node", APPS / "loops.js"], next=last + "/last", environment=environment)
    traffic = load(f"{front}/{way}", [Hop(way), Hop("last", "either")], True, LESS)
    time.sleep(0.5)  # for the last ones
    spans = tracelet.stop()
    servers = {span.path.rpartition("/")[2]: span for span in spans if span.path.startswith(f"/{way}/") and span.kind == "server"}
    left = [span for span in spans if span.path.startswith("/left/")]
    calls = [span for span in left if span.kind == "client"]
    assert len(calls) > at_least, f"{len(calls)} calls"
    owner = lambda span: servers[span.path.rpartition("/")[2].rpartition("-")[0]]  # noqa: E731
    wrong = [span for span in calls if span.has_parent() and span.parent != owner(span).span_id]
    assert not wrong, f"{len(wrong)} leftover jobs are linked to another request: {wrong[:2]}"
    score([span for span in spans if span not in left], traffic)
