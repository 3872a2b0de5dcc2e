"""HTTP/2 in the clear: nghttp, curl and h2load against nghttpd and Go, by prior knowledge and by upgrade; not yamux."""

import socket
import struct
import subprocess
from collections import Counter

from harness.test import INSTALLED

LOAD = 3000


def run(test):
    yamux = Yamux()
    yamux.talk()
    tracelet = test.tracelet()
    yamux.talk()
    Yamux().talk()
    expected = Counter()

    root = test.directory / "www"
    root.mkdir()
    (root / "small").write_text("hello")
    (root / "large").write_bytes(bytes(300_000))
    port = test.port()
    test.start(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", root, port])
    test.wait_for(("127.0.0.1", port))
    nghttpd = f"http://127.0.0.1:{port}"
    ask(["nghttp", "-n", f"{nghttpd}/small", f"{nghttpd}/large", f"{nghttpd}/none"])
    ask(["nghttp", "-n", "--no-dep", "--padding=200", "--header-table-size=100", "-m", "20", f"{nghttpd}/small"])
    ask(["nghttp", "-n", "--continuation", f"{nghttpd}/small"])
    ask(["curl", "-s", "--http2-prior-knowledge", f"{nghttpd}/large"])
    ask(["curl", "-s", "--http2-prior-knowledge", "--data-binary", f"@{root}/large", f"{nghttpd}/small"])
    ask(["h2load", "-n", LOAD, "-c", "4", "-m", "100", f"{nghttpd}/small"])
    expected["GET", "/small", 200] = 1 + 1 + 20 + 1 + LOAD
    expected["GET", "/large", 200] = 2
    expected["GET", "/none", 404] = 1
    expected["POST", "/small", 200] = 1

    pushed = push(test, root)

    go = test.serve([INSTALLED / "grpc/grpcpair", "h2c"])
    assert b"by HTTP/2.0" in ask(["curl", "-s", "--http2-prior-knowledge", f"{go}/known"])
    assert b"by HTTP/2.0" in ask(["curl", "-s", "--http2", f"{go}/up", f"{go}/after"])
    ask(["nghttp", "-nu", f"{go}/up", f"{go}/after"])
    expected["GET", "/known", 200] = 1
    expected["GET", "/up", 200] = expected["GET", "/after", 200] = 2

    spans = tracelet.stop()
    clients = {span.span_id: span for span in spans if span.kind == "client"}
    for kind in ("client", "server"):
        seen = Counter(
            (span["http.request.method"], span.path, span["http.response.status_code"])
            for span in spans
            if span.kind == kind and not span.path.startswith("/push")
        )
        assert seen == expected, f"{kind}: {seen - expected} too many, {expected - seen} missing"
    check_pushed(pushed, spans, clients)
    for span in spans:
        assert span["tracelet.outcome"] is None, span
        if span.path == "/large":
            assert span["http.response.body.size"] == 300_000, span
        if span["http.request.method"] == "POST":
            assert span["http.request.body.size"] == 300_000, span
        if span.kind == "server":
            client = clients[span.parent]
            assert (client.path, client.trace_id, span.link) == (span.path, span.trace_id, "sequence"), span
    print(f"{sum(expected.values())} requests; versions", dict(Counter(s["network.protocol.version"] for s in spans)))


def push(test, root):
    """Who pushes what with it."""
    for name in ("push.html", "push.css", "push.js"):
        (root / name).write_text("hello")
    port = test.port()
    certify = root.parent
    test.certify(certify)
    test.start(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", root, "--push=/push.html=/push.css,/push.js", port])
    test.wait_for(("127.0.0.1", port))
    secure = test.port()
    keys = (certify / "key.pem", certify / "cert.pem")
    test.start(["nghttpd", "-a", "127.0.0.1", "-d", root, "--push=/push.html=/push.css,/push.js", secure, *keys])
    test.wait_for(("127.0.0.1", secure))
    ask(["nghttp", "-n", f"http://127.0.0.1:{port}/push.html", f"http://127.0.0.1:{port}/small"])
    ask(["nghttp", "-n", f"https://127.0.0.1:{secure}/push.html"])
    ask(["nghttp", "-n", "--no-push", f"http://127.0.0.1:{port}/push.html"])
    return {"/push.css": 2, "/push.js": 2, "/push.html": 3}


def check_pushed(expected, spans, clients):
    for kind in ("client", "server"):
        seen = Counter(span.path for span in spans if span.kind == kind and span.path.startswith("/push"))
        assert seen == expected, f"{kind}: {seen}"
    for span in (span for span in spans if span.path in ("/push.css", "/push.js")):
        parent = clients[span.parent]
        assert span["http.response.status_code"] == 200 and span["http.response.body.size"] == 5, span
        wanted = (span.path, "sequence") if span.kind == "server" else ("/push.html", "push")
        assert (parent.path, span.link) == wanted and parent.trace_id == span.trace_id, f"{span} of {parent}"


def ask(command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=60).stdout


class Yamux:
    """Frames of twelve bytes (version, type, flags, stream, length) that look a little like HTTP/2's."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()

    def talk(self):
        """Opens streams, sends data, grants windows, pings: each of the two ends, in turn."""
        for number in range(1, 60, 2):
            for end, other in ((self.client, self.server), (self.server, self.client)):
                frames = struct.pack(">BBHII", 0, 1, 1, number, 0)
                frames += struct.pack(">BBHII", 0, 0, 0, number, number) + bytes(number)
                frames += struct.pack(">BBHII", 0, 2, 1, 0, number)
                end.sendall(frames)
                assert len(other.recv(4096)) == len(frames)
