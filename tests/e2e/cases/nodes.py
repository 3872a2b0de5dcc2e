"""Three nodes, an agent each, calls through DNAT: one trace; without an agent no wrong one."""

import time

from harness import Hop, Nodes, load, score, until

LEVELS = {1: 30, 10: 200}


def run(test):
    nodes = Nodes(test, 3)
    a, b, c = nodes
    last = c.relay()
    middle = b.relay(next=last + "/last")
    front = b.relay(next=last + "/last", keep_alive=True)
    nodes.start_agents()

    traffic = []
    for url, keep_alive in ((middle + "/middle", False), (front + "/front", True)):
        name = url.rsplit("/", 1)[1]
        hops = [Hop(name, arrives="peer"), Hop("last", "thread", arrives="peer")]
        traffic += a.inside(load, url, hops, keep_alive, LEVELS)
    time.sleep(1.2)
    for node in nodes:
        print(f"node {node.number}: {node.peer_ledger()}")

    # Without the agent in the middle, what it called has no parent, and says so.
    b.stop_agent()
    given_up = c.peer_ledger()["timed_out"]
    lonely = a.inside(load, middle + "/middle", [Hop("middle"), Hop("last")], False, {1: 20})
    given_up += len(lonely[0].ids)
    until(lambda: c.peer_ledger()["timed_out"] == given_up, "an agent that gives up to ask for each of them")
    print(f"node 3, without the agent of node 2: {c.peer_ledger()}")
    spans = nodes.stop_agents()
    alone = {f"/{hop}/{order}" for order in lonely[0].ids for hop in ("middle", "last")}
    score([span for span in spans if span.path not in alone], traffic)
    without_agent(spans, lonely[0].ids)


def without_agent(spans, ids):
    orders = set(ids)
    found = [span for span in spans if span.path.rsplit("/", 1)[1] in orders]
    assert len(found) == 40, len(found)
    for span in found:
        assert not span.has_parent(), span
        if span.kind == "server":
            assert span.refused == "no_answer" and span["tracelet.link.derived_parent"], span
