"""What a case of the proving ground is (tests/e2e/truths): an application that is asked over HTTP or gRPC and asks the next
one, with an id where no rule looks: in the bodies, in the last part of the path; and how its links are counted."""

import time
from collections import Counter
from dataclasses import dataclass, field
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
    caller: str = ""  # the hop that makes the call, where it is not the first

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
            server = next(iter(book.by_request.get((f"/{self.caller or self.hop}/{order}", "server"), [])), None)
            yield from judge(call, server)


@dataclass
class RpcCase:
    """A gRPC server in one of harness/rpc.py's languages that asks one in Go for each of its own calls, which come over
    `connections`. `way`: the service that asks; `suffix`: of the id, in its last call; `tls`: all of it."""

    runtime: str
    application: str
    language: str
    way: str = "Chain"
    suffix: str = ""
    tls: bool = False
    connections: int = 1
    environment: dict = field(default_factory=dict)
    levels: tuple = tuple(LEVELS)

    def measure(self, test):
        tracelet = test.tracelet()
        environment = dict(self.environment, CONNECTIONS=str(self.connections))
        if self.tls:
            (test.directory / "tls").mkdir()
            test.certify(test.directory / "tls")
            environment["TLS"] = str(test.directory / "tls")
        last = self.serve(test, "go", environment)
        client = rpc.Client(test, "go", self.front(test, last, environment), environment)
        made = {level: client.call(str(level), LEVELS[level], level, [self.way]) for level in self.levels}
        time.sleep(0.3)  # for what is called late
        found = self.by_call(tracelet.stop())
        return {level: Counter(self.verdicts(found, calls)) for level, calls in made.items()}

    def serve(self, test, language, environment, next=""):
        return rpc.serve(test, language, environment, next).replace("127.0.0.1", "localhost")

    def front(self, test, last, environment):
        return self.serve(test, self.language, environment, last)

    def by_call(self, spans):
        return rpc.by_call(spans)

    def verdicts(self, found, calls):
        for call in calls:
            ends = found.get(("Unary", call.id + self.suffix, "client"), []), found.get((self.way, call.id, "server"), [])
            yield from judge(*(end[0] if len(end) == 1 else None for end in ends))


@dataclass
class RpcWebCase(RpcCase):
    """Its gRPC server asks by HTTP."""

    way: str = "Web"

    def front(self, test, last, environment):
        return super().front(test, last, environment | {"WEB": test.node_answers() + "/last"})

    def by_call(self, spans):
        found = rpc.by_call(spans)
        for span in found.pop(("", None, "client")):
            found["Unary", span.path.removeprefix("/last/"), "client"] = [span]
        return found


@dataclass
class WebRpcCase(Case):
    """An HTTP server that asks by gRPC."""

    def verdicts(self, book, orders):
        found = rpc.by_call(span for spans in book.by_request.values() for span in spans)
        for order in orders:
            call = found.get((self.call, order + self.suffix, "client"), [None])[0]
            yield from judge(call, book.one(f"/{self.hop}/{order}", "server"))


def judge(call, server):
    """What happened to the link of `call`, which was made for the request `server`."""
    if call is None or server is None:
        yield "missing"
    elif not call.has_parent():
        yield from ("refused", "because " + (call.refused or "nothing"))
    else:
        true = (call.parent, call.trace_id) == (server.span_id, server.trace_id)
        yield from ("right" if true else "wrong", "by " + call.link)
