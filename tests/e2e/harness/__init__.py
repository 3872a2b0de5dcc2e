"""What a case uses. One file per thing: test (a case's surroundings), tracelet
(the program under test and its spans), load (requests that carry a known id),
score (are the spans and links right?), nodes (several hosts), waiting, table (rows of hard sockets), jaeger (a real
collector, and the agent that feeds it)."""

from harness.jaeger import Agent, closed
from harness.load import Hop, load, load_through_nginx
from harness.nodes import Nodes
from harness.score import score
from harness.table import Table
from harness.test import Test
from harness.thrift import emit_batch, sender
from harness.waiting import hang, until

__all__ = [
    "Agent",
    "Hop",
    "Nodes",
    "Table",
    "Test",
    "closed",
    "emit_batch",
    "hang",
    "load",
    "load_through_nginx",
    "score",
    "sender",
    "until",
]
