"""gRPC calls with an id of their own as the method's name: the truth that spans are compared with."""

import subprocess
from collections import Counter
from dataclasses import dataclass

from harness.test import APPS, INSTALLED, PYTHON

JAVA = INSTALLED / "grpc-java/grpc_java/target"
PROGRAMS = {
    "go": [INSTALLED / "grpc/grpcpair"],
    "python": [PYTHON, APPS / "grpc_pair.py"],
    "node": ["node", INSTALLED / "grpc-node/grpc_node/pair.js"],
    "java": ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JAVA}/classes:{JAVA}/dependency/*", "demo.Pair"],
}
SERVICES = ("Unary", "NotFound", "ServerStream", "ClientStream", "Bidi", "Slow")
STATUS = {"NotFound": 5, "Slow": 1}  # Slow is cancelled by its caller
# Messages of the request and of the response, where all of them are small.
MESSAGES = {"Unary": (1, 1), "Chain": (1, 1), "ServerStream": (1, 3), "ClientStream": (3, 1), "Bidi": (3, 3)}


@dataclass(frozen=True)
class Call:
    service: str
    id: str
    status: int


class Client:
    """A program that makes calls when it is told to, all over one connection."""

    def __init__(self, test, language, address, environment=None):
        command = [*PROGRAMS[language], "client", address]
        self.process = test.start(command, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        test.settle()

    def call(self, prefix, calls, concurrency, services=SERVICES):
        print(prefix, calls, concurrency, *services, file=self.process.stdin, flush=True)
        made = []
        while (line := self.process.stdout.readline().split()):
            made.append(Call(line[0], line[1], int(line[2])))
        assert len(made) == calls, made
        for call in made:
            assert call.status == STATUS.get(call.service, 0), f"tracing harms nobody: {call}"
        return made


def serve(test, language, environment=None, next=""):
    return test.serve([*PROGRAMS[language], "server"], next=next, environment=environment).removeprefix("http://")


def by_call(spans):
    """(service, id, kind) -> the spans that say so."""
    found = {}
    for span in spans:
        key = (span["rpc.service"] or "").removeprefix("demo."), span["rpc.method"], span.kind
        found.setdefault(key, []).append(span)
    return found


def check_calls(calls, found):
    """Every call has both its spans, with its status, and they are linked. Returns what is not so."""
    problems = []
    for call in calls:
        ends = [found.get((call.service, call.id, kind), []) for kind in ("client", "server")]
        if [len(end) for end in ends] != [1, 1]:
            problems.append(f"{call}: {ends}")
            continue
        ((client,), (server,)) = ends
        for span in (client, server):
            messages = span["tracelet.rpc.request.messages"], span["tracelet.rpc.response.messages"]
            if span["rpc.grpc.status_code"] != call.status or span["rpc.system"] != "grpc":
                problems.append(f"{call}: status {span}")
            if not counted(call, messages):
                problems.append(f"{call}: {messages} messages {span}")
        if (server.parent, server.trace_id) != (client.span_id, client.trace_id) or server.link != "sequence":
            problems.append(f"{call}: {server} is not of {client}")
    return problems


def counted(call, messages):
    """Exact; or unknown, of Java, which puts several messages into one frame."""
    pairs = zip(messages, MESSAGES.get(call.service, messages))
    return all(told == sent or (told is None and ("java" in call.id or "jdk" in call.id)) for told, sent in pairs)


def judge_chain(call, found):
    """How the inner call of a demo.Chain is tied to the request that made it: right, refused or WRONG."""
    (outer,) = found[call.service, call.id, "server"]
    (inner,) = found["Unary", call.id, "client"]
    if not inner.has_parent():
        return f"refused ({inner.refused})"
    return "right" if (inner.parent, inner.trace_id) == (outer.span_id, outer.trace_id) else "WRONG"


def show(title, counter):
    print(f"{title:<28}", *(f"{count} {word}" for word, count in sorted(counter.items())), sep="  ")


__all__ = ["Call", "Client", "Counter", "by_call", "check_calls", "counted", "judge_chain", "serve", "show"]
