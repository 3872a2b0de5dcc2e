"""Event loops: Node in every way that it makes calls, nginx, HAProxy, a queue. Right, or refused; never wrong.

TRACELET_TRUTH=1 (./dev truth): at full load."""

import os

from harness import Hop, load, load_through_nginx, score
from harness.load import LEVELS
from harness.test import APPS

LESS = {1: 10, 10: 60, 100: 150}

# How the call must be tied to its request. "either" right or refused: how often depends on what else was open.
NODE = {
    "http": "loop",
    "fetch": "loop",
    "fresh": "loop",
    "later_tick": "loop",
    "timer": "refused",
    "immediate": "refused",
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
    levels = LEVELS if os.environ.get("TRACELET_TRUTH") else LESS
    tracelet = test.tracelet()
    last = test.node_answers()
    traffic = []
    for way, link in NODE.items():
        front = test.serve(["node", APPS / "loops.js"], next=last + "/last", environment={"WAY": way})
        traffic += load(front + f"/{way}", [Hop(way), Hop("last", link)], True, levels)
    twice = test.serve(
        ["node", APPS / "loops.js"], next=last + "/last", environment={"WAY": "twice", "OTHER": last + "/other"}
    )
    hops = [Hop("twice"), Hop("other", "loop"), Hop("last", "either", "twice")]
    traffic += load(twice + "/twice", hops, True, levels)

    address = last.removeprefix("http://")
    for keep_alive in (False, True):
        front = test.nginx(address, keep_alive)
        traffic += load_through_nginx(front + "/proxy", [Hop("proxy"), Hop("wsgi", "loop")], keep_alive, levels)
    for keep_alive in (False, True):
        traffic += load(test.haproxy(address) + "/haproxy", [Hop("haproxy"), Hop("last")], keep_alive, levels)
    queue = test.port()
    test.start([test.compile("task_queue.c"), queue, last.rpartition(":")[2]])
    test.wait_for(("127.0.0.1", queue))
    traffic += load(f"http://127.0.0.1:{queue}/queue", [Hop("queue"), Hop("last")], True, levels)
    score(tracelet.stop(), traffic)
