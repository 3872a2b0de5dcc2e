"""gRPC in Go and Python, unary and streaming, some failing, some cancelled: every call has both its spans, right."""

from harness.rpc import Call, Client, Counter, by_call, check_calls, judge_chain, serve, show

LEVELS = {1: 12, 10: 60, 50: 300}  # concurrency: calls


def run(test):
    tracelet = test.tracelet()
    calls, chains = [], []
    for server in ("go", "python"):
        address = serve(test, server)
        for client in ("go", "python"):
            program = Client(test, client, address)
            for concurrency, count in LEVELS.items():
                calls += program.call(f"{client}-{server}-{concurrency}", count, concurrency)
    inner = serve(test, "go")
    outer = serve(test, "python", next=inner)
    for client in ("go", "python"):
        program = Client(test, client, outer)
        for concurrency in (1, 20):
            chains += program.call(f"chain-{client}-{concurrency}", 40, concurrency, ["Chain"])
    calls += chains + [Call("Unary", call.id, 0) for call in chains]

    spans = tracelet.stop()
    found = by_call(spans)
    problems = check_calls(calls, found)
    show("calls", Counter(call.service for call in calls))
    assert not problems, "\n  ".join([f"{len(problems)} problems", *problems[:8]])
    assert len(spans) == 2 * len(calls), f"{len(spans)} spans of {len(calls)} calls"
    verdicts = Counter(judge_chain(call, found) for call in chains)
    show("Python → Go", verdicts)
    assert "WRONG" not in verdicts, verdicts
