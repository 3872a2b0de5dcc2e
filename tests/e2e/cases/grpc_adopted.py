"""gRPC connections older than tracelet: what it does not know it leaves out; no path and no status is wrong."""

from harness.rpc import Client, Counter, serve, show

CALLS = 200


def path_of(span):
    return f"/{span['rpc.service']}/{span['rpc.method']}" if span["rpc.method"] else span.path


def run(test):
    programs = {
        f"{client} → {server}": Client(test, client, serve(test, server))
        for server in ("go", "python")
        for client in ("go", "python")
    }
    for number, program in enumerate(programs.values()):
        program.call(f"before-{number}", 30, 5)
    tracelet = test.tracelet()
    truth = {}
    for number, (pair, program) in enumerate(programs.items()):
        for call in program.call(f"after-{number}", CALLS, 10):
            truth[f"/demo.{call.service}/{call.id}"] = pair, call
    spans = tracelet.stop()

    clients = {path_of(span): span for span in spans if span.kind == "client"}
    known = {pair: Counter() for pair in programs}
    for span in spans:
        path, status = path_of(span), span["rpc.grpc.status_code"]
        if path == "*":  # not known
            assert "path" in span["tracelet.unknown"], span
            continue
        pair, call = truth[path]  # nothing that nobody asked for
        assert status in (call.status, None), f"{call}: {span}"
        assert span["http.response.status_code"] in (200, None), f"{call}: {span}"
        if span.kind == "server" and span.has_parent():
            assert span.parent == clients[path].span_id, f"{span} is not of {clients[path]}"
        known[pair][f"{span.kind} paths"] += 1
        known[pair][f"{span.kind} statuses"] += status is not None
    for pair, counter in known.items():
        show(f"{pair}, of {CALLS}", counter)
        for kind in ("client", "server"):
            assert CALLS * 9 // 10 <= counter[f"{kind} paths"] <= CALLS, f"{pair}: {counter}"
