"""grpc-go at both ends, many streams on one connection: each call is tied to the stream that its goroutine serves. Right,
or refused; never wrong.

TRACELET_TRUTH=1: at full load."""

import os

from harness.rpc import Client, Counter, by_call, serve, show
from harness.truth import LEVELS, judge

LESS = {1: 10, 10: 60, 100: 150}

# The calls that each way makes, and what they must be. A child that is stopped while it makes its call may be refused.
WAYS = {
    "Chain": ([""], "right"),
    "Twice": (["-1", "-2"], "right"),
    "Fan": (["-1", "-2", "-3"], "mostly right"),
    "Left": ([""], "right or refused"),
    "Queue": ([""], "refused"),
}
MOST = 0.99


def run(test):
    levels = LEVELS if os.environ.get("TRACELET_TRUTH") else LESS
    directory = test.directory / "tls"
    directory.mkdir()
    test.certify(directory)
    tracelet = test.tracelet()
    made = {}
    for tls in ("", str(directory)):
        environment = {"TLS": tls, "CONNECTIONS": "2"}
        last = serve(test, "go", environment).replace("127.0.0.1", "localhost")
        for way in WAYS:
            front = serve(test, "go", environment, next=last).replace("127.0.0.1", "localhost")
            client = Client(test, "go", front, environment)
            client.call(f"{way}{len(tls)}-first", 10, 1, ["Chain"])  # children that wait for a connection are refused
            for concurrency, count in reversed(levels.items()):  # workers are started when others' jobs are in the queue
                made.setdefault(way, []).extend(client.call(f"{way}{len(tls)}-{concurrency}", count, concurrency, [way]))
    found = by_call(tracelet.stop())
    for way, (suffixes, wanted) in WAYS.items():
        verdicts = Counter()
        for call in made[way]:
            (server,) = found[way, call.id, "server"]
            for suffix in suffixes:
                (client,) = found["Unary", call.id + suffix, "client"]
                verdicts[next(judge(client, server))] += 1
        show(way, verdicts)
        assert set(verdicts) <= {"right", "refused"}, verdicts
        if "or" not in wanted:
            assert verdicts[wanted.split()[-1]] >= (MOST if "mostly" in wanted else 1) * sum(verdicts.values()), verdicts
