"""Agents that know each other only by a Service's name ask all of them whose call from a pod's address it was."""

import time

from harness import Hop, Nodes, load, score


def run(test):
    nodes = Nodes(test, 3)
    a, b, c = nodes
    for node in nodes:
        node.call_from_a_pod()
    front = b.relay(next=c.relay() + "/last")
    nodes.start_agents_of_a_service()
    hops = [Hop("front", arrives="peer"), Hop("last", "thread", arrives="peer")]
    traffic = a.inside(load, front + "/front", hops, False, {1: 30, 10: 100})
    time.sleep(1.2)
    for node in nodes:
        print(f"node {node.number}: {node.peer_ledger()}")
    spans = nodes.stop_agents()
    score(spans, traffic)
    addresses = {span["client.address"] for span in spans if span.kind == "server"}
    assert addresses == {"10.77.1.3", "10.77.2.3"}, addresses
