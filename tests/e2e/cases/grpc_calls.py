"""gRPC in Go, Python, Node and Java, unary and streaming, some failing, some cancelled: every call has both its spans, right."""

from harness.rpc import Call, Client, Counter, by_call, check_calls, judge_chain, serve, show

LEVELS = {1: 12, 10: 60, 50: 300}  # concurrency: calls
MANY = (("go", "go"), ("java", "java"))  # 1,000 at once: one read or write moves thousands of frames
LANGUAGES = ("go", "python", "node", "java")


def run(test):
    tracelet = test.tracelet()
    calls, chains = [], {}
    for server in LANGUAGES:
        address = serve(test, server)
        for client in LANGUAGES:
            program = Client(test, client, address)
            for concurrency, count in LEVELS.items():
                calls += program.call(f"{client}-{server}-{concurrency}", count, concurrency)
            if (client, server) in MANY:
                calls += program.call(f"{client}-{server}-1000", 2000, 1000, ["Unary"])
    for outer, inner in (("python", "go"), ("go", "java"), ("java", "go")):
        address = serve(test, outer, next=serve(test, inner))
        for client in ("go", "python"):
            program = Client(test, client, address)
            for concurrency in (1, 20):
                prefix = f"chain-{client}-{outer}-{inner}-{concurrency}"
                chains.setdefault((outer, inner), []).extend(program.call(prefix, 40, concurrency, ["Chain"]))
    made = [call for some in chains.values() for call in some]
    calls += made + [Call("Unary", call.id, 0) for call in made]

    spans = tracelet.stop()
    found = by_call(spans)
    problems = check_calls(calls, found)
    show("calls", Counter(call.service for call in calls))
    assert not problems, "\n  ".join([f"{len(problems)} problems", *problems[:8]])
    assert len(spans) == 2 * len(calls), f"{len(spans)} spans of {len(calls)} calls"
    for (outer, inner), some in chains.items():
        verdicts = Counter(judge_chain(call, found) for call in some)
        show(f"{outer} → {inner}", verdicts)
        assert "WRONG" not in verdicts, verdicts
