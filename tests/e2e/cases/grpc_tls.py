"""gRPC by TLS in Go, Node, Java and Python: every call has both its spans, linked, where the functions have names; check says where not."""

import subprocess

from harness.rpc import Client, Counter, STATUS, by_call, counted, serve, show

NAMED = ("go", "node", "java")
# Python's BoringSSL has no names, and Java's own TLS is nowhere.
PAIRS = [("go", "go"), ("node", "node"), ("java", "java"), ("java", "go"), ("go", "node"), ("node", "java")]
PAIRS += [("node", "python"), ("python", "node"), ("jdk", "go"), ("go", "jdk")]


def run(test):
    directory = test.directory / "tls"
    directory.mkdir()
    test.certify(directory)
    tls = {"TLS": str(directory)}
    calls, addresses = {}, {}
    for server in sorted({server for _, server in PAIRS}):
        addresses[server] = serve(test, *program(server, tls)).replace("127.0.0.1", "localhost")
    tracelet = test.tracelet()  # programs that are there are probed before it is ready
    for client, server in PAIRS:
        language, environment = program(client, tls)
        caller = Client(test, language, addresses[server], environment)
        for concurrency, count in {1: 12, 20: 60}.items():
            made = caller.call(f"{client}-{server}-{concurrency}", count, concurrency)
            calls.setdefault((client, server), []).extend(made)
    said = subprocess.run([test.binary, "check"], capture_output=True, text=True, check=False).stdout
    spans = tracelet.stop()

    found = by_call(spans)
    problems = []
    for (client, server), made in calls.items():
        for call in made:
            ends = [found.pop((call.service, call.id, kind), []) for kind in ("client", "server")]
            if [len(end) for end in ends] != [client in NAMED, server in NAMED]:
                problems.append(f"{call} {client} to {server}: {ends}")
            problems += [f"{call}: {span}" for end in ends for span in end if not right(call, span)]
            if all(ends) and (ends[1][0].parent, ends[1][0].link) != (ends[0][0].span_id, "sequence"):
                problems.append(f"not linked: {ends}")
        show(f"{client} → {server}", Counter(call.service for call in made))
    problems += [f"nobody made {spans}" for spans in found.values()]
    assert not problems, "\n  ".join([f"{len(problems)} problems", *problems[:8]])
    for name, *either in (
        ("node", "the program itself", "libssl"),  # nodejs.org's, Debian's
        ("grpcpair", "the program itself"),
        ("java", "libnetty_tcnative"),
        ("java", "not: Java's own TLS"),
        ("python3", "not: BoringSSL without the names of its functions"),
    ):
        lines = [line for line in said.splitlines() if name in line]
        assert any(what in line for line in lines for what in either), (name, either, said)


def program(language, tls):
    return ("java", tls | {"PROVIDER": "JDK"}) if language == "jdk" else (language, tls)


def right(call, span):
    messages = span["tracelet.rpc.request.messages"], span["tracelet.rpc.response.messages"]
    return span["rpc.grpc.status_code"] == STATUS.get(call.service, 0) and counted(call, messages)
