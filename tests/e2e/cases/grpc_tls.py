"""gRPC by TLS in Node and Python: every call has both its spans, but of Python, whose BoringSSL has no names, and check says so."""

import subprocess

from harness.rpc import MESSAGES, STATUS, Client, Counter, by_call, serve, show


def run(test):
    directory = test.directory / "tls"
    directory.mkdir()
    test.certify(directory)
    tls = {"TLS": str(directory)}
    tracelet = test.tracelet()
    calls = {}
    for server in ("node", "python"):
        address = serve(test, server, environment=tls).replace("127.0.0.1", "localhost")
        for client in ("node", "python"):
            program = Client(test, client, address, tls)
            for concurrency, count in {1: 12, 20: 60}.items():
                made = program.call(f"{client}-{server}-{concurrency}", count, concurrency)
                calls.setdefault((client, server), []).extend(made)
    said = subprocess.run([test.binary, "check"], capture_output=True, text=True, check=False).stdout
    spans = tracelet.stop()

    found = by_call(spans)
    problems = []
    for (client, server), made in calls.items():
        for kind, language in (("client", client), ("server", server)):
            for call in made:
                ours = found.pop((call.service, call.id, kind), [])
                if len(ours) != (language == "node"):
                    problems.append(f"{call} {client} to {server}: {kind} {ours}")
                problems += [f"{call}: {span}" for span in ours if not right(call, span)]
        show(f"{client} → {server}", Counter(call.service for call in made))
    problems += [f"nobody made {spans}" for spans in found.values()]
    assert not problems, "\n  ".join([f"{len(problems)} problems", *problems[:8]])
    for program, what in ("node", "the program itself"), ("python3", "not: BoringSSL without the names of its functions"):
        assert any(program in line and what in line for line in said.splitlines()), said


def right(call, span):
    messages = span["tracelet.rpc.request.messages"], span["tracelet.rpc.response.messages"]
    status = span["rpc.grpc.status_code"]
    return status == STATUS.get(call.service, 0) and messages == MESSAGES.get(call.service, messages)
