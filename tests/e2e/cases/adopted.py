"""Connections, threads and processes older than tracelet are adopted: their next requests are seen and linked."""

import http.client
import socket
import urllib.parse

from harness import Hop, score
from harness.load import Traffic, ask

REQUESTS = 20


def run(test):
    last = test.relay()
    addresses = {
        "front": test.relay(next=last + "/last", keep_alive=True),
        "stock": test.go(next=last + "/last", keep_alive=True),
    }
    connections = {
        name: http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc) for name, url in addresses.items()
    }
    for name, connection in connections.items():
        for number in range(REQUESTS):
            ask(connection, f"/{name}", f"before-{name}-{number}", "keep-alive")
    older, newer = unix_pair(test)
    tracelet = test.tracelet()
    traffic = []
    for name, connection in connections.items():
        # What an older thread did before is unknown: its calls may be linked or refused, not wrong.
        sight = Traffic("adopted", [Hop(name, "root"), Hop("last", "either")])
        for number in range(REQUESTS):
            sight.ids.append(f"after-{name}-{number}")
            ask(connection, f"/{name}", sight.ids[-1], "keep-alive")
        traffic.append(sight)
    for path in ("/unix/1", "/unix/2"):
        older.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        newer.recv(4096)
        newer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        older.recv(4096)
    spans = tracelet.stop()
    over_unix = [span for span in spans if span.path.startswith("/unix/")]
    assert sorted((span.path, span.kind) for span in over_unix) == [
        (path, kind) for path in ("/unix/1", "/unix/2") for kind in ("client", "server")
    ], over_unix
    score([span for span in spans if span not in over_unix], traffic)


def unix_pair(test):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(test.directory / "old.sock"))
    listener.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(listener.getsockname())
    return client, listener.accept()[0]
