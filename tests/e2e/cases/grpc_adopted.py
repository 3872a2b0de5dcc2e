"""gRPC connections older than tracelet: what it does not know it leaves out; no path and no status is wrong."""

from harness.rpc import Client, Counter, serve, show

CALLS = 200
CLEAR = [("go", "go"), ("python", "go"), ("go", "python"), ("python", "python"), ("node", "java"), ("java", "node")]
# Go's sessions say themselves which connection they are for. Those of Node began with a ClientHello that nobody saw.
TLS = [("go", "go"), ("node", "node")]


def path_of(span):
    return f"/{span['rpc.service']}/{span['rpc.method']}" if span["rpc.method"] else span.path


def run(test):
    directory = test.directory / "tls"
    directory.mkdir()
    test.certify(directory)
    programs, addresses = {}, {}
    for way, pairs in (("clear", CLEAR), ("TLS", TLS)):
        environment = {"TLS": str(directory)} if way == "TLS" else None
        for client, server in pairs:
            if (way, server) not in addresses:
                addresses[way, server] = serve(test, server, environment).replace("127.0.0.1", "localhost")
            programs[way, client, server] = Client(test, client, addresses[way, server], environment)
    for number, program in enumerate(programs.values()):
        program.call(f"before-{number}", 30, 5)
    tracelet = test.tracelet()
    truth = {}
    for number, (pair, program) in enumerate(programs.items()):
        for call in program.call(f"after-{number}", CALLS, 10):
            truth[f"/demo.{call.service}/{call.id}"] = pair, call
    spans = tracelet.stop()

    clients = {span.span_id: span for span in spans if span.kind == "client"}
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
            assert span.parent in clients, f"{call}, {pair}: {span}, of {[str(s) for s in spans if s.span_id == span.parent]}"
            parent = clients[span.parent]
            assert path_of(parent) in (path, "*"), f"{span} is not of {parent}"
        known[pair][f"{span.kind} paths"] += 1
        known[pair][f"{span.kind} statuses"] += status is not None
    for (way, client, server), counter in known.items():
        show(f"{way}: {client} → {server}, of {CALLS}", counter)
        for kind in ("client", "server"):
            few = way == "TLS" or "java" in (client, server)
            least = CALLS * 3 // 4 if few else CALLS * 9 // 10
            if (way, client) == ("TLS", "node"):
                least = 0
            assert least <= counter[f"{kind} paths"] <= CALLS, f"{way}, {client} → {server}: {counter}"
