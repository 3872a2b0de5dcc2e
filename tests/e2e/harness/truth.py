"""What a case of the proving ground is (tests/e2e/truths): an application that is asked over HTTP or gRPC and asks the next
one, with an id where no rule looks: in the bodies, in the last part of the path; and how its links are counted."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Callable

from harness import rpc
from harness.load import Hop, load, load_through_nginx
from harness.score import Book

LEVELS = {1: 50, 10: 300, 100: 600, 1000: 2000}  # concurrency: requests


@dataclass
class Case:
    """`start(test, next)` starts the application, which asks POST NEXT/ID for each POST /HOP/ID, and returns its
    address. `keep_alive`: of the connections to it."""

    runtime: str
    application: str
    start: Callable
    hop: str = "front"
    call: str = "last"  # the next one's hop
    suffix: str = ""  # of its id
    keep_alive: bool = True
    levels: tuple = tuple(LEVELS)

    def measure(self, test):
        """{concurrency: Counter of right, refused, wrong, rules and reasons}"""
        tracelet = test.tracelet()
        last = test.node_answers()
        front = self.start(test, last + "/last")
        hops = [Hop(self.hop), Hop(self.call, "either")]
        levels = {level: LEVELS[level] for level in self.levels}
        ask = load_through_nginx if self.runtime == "nginx" else load
        traffics = ask(f"{front}/{self.hop}", hops, self.keep_alive, levels)[-len(levels) :]
        time.sleep(0.3)  # for what is called late
        book = Book(tracelet.stop(), lossy=False)
        return {level: Counter(self.verdicts(book, traffic.ids)) for level, traffic in zip(levels, traffics)}

    def verdicts(self, book, orders):
        for order in orders:
            call = book.one(f"/{self.call}/{order}{self.suffix}", "client")
            server = next(iter(book.by_request.get((f"/{self.hop}/{order}", "server"), [])), None)
            yield from judge(call, server)


@dataclass
class RpcCase:
    """A gRPC server in one of harness/rpc.py's languages that asks one in Go for each of its own calls, all over one
    connection."""

    runtime: str
    application: str
    language: str
    levels: tuple = tuple(LEVELS)

    def measure(self, test):
        tracelet = test.tracelet()
        front = rpc.serve(test, self.language, next=rpc.serve(test, "go"))
        client = rpc.Client(test, "go", front)
        made = {level: client.call(str(level), LEVELS[level], level, ["Chain"]) for level in self.levels}
        found = rpc.by_call(tracelet.stop())
        return {level: Counter(self.verdicts(found, calls)) for level, calls in made.items()}

    def verdicts(self, found, calls):
        for call in calls:
            ends = found.get(("Unary", call.id, "client"), []), found.get(("Chain", call.id, "server"), [])
            yield from judge(*(end[0] if len(end) == 1 else None for end in ends))


def judge(call, server):
    """What happened to the link of `call`, which was made for the request `server`."""
    if call is None or server is None:
        yield "missing"
    elif not call.has_parent():
        yield from ("refused", "because " + (call.refused or "nothing"))
    else:
        true = (call.parent, call.trace_id) == (server.span_id, server.trace_id)
        yield from ("right" if true else "wrong", "by " + call.link)
