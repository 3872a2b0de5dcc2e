"""100,000 short connections and one client that sends a byte a second: nothing crashes, grows or is lost silently."""

import socket
import threading
import time
from collections import Counter

COUNT = 100_000
WARM = 40_000
REST = 4  # seconds, until no span is held and what they took is given back
GROWTH_KB = 8 * 1024  # what the others may add to the resident memory


def run(test):
    program = test.compile("short_connections.c")
    tracelet = test.tracelet()
    slow = SlowClient()
    burst(test, program, WARM)
    time.sleep(REST)
    early = tracelet.memory_kb()
    burst(test, program, COUNT - WARM)
    time.sleep(REST)
    late = tracelet.memory_kb()
    slow.thread.join()
    tracelet.process.send_signal(2)
    tracelet.process.wait(timeout=20)
    kernel = tracelet.balanced()
    print(f"resident {early} kB after {WARM} connections, {late} kB after {COUNT}; ledger {kernel}")
    assert late - early < GROWTH_KB, "memory grows with the number of connections"
    check(tracelet, kernel)


def burst(test, program, count):
    assert test.start([program, test.port(), count]).wait(timeout=60) == 0


def check(tracelet, kernel):
    seen, clients = Counter(), {}
    wrong = []
    for span in tracelet.spans():
        seen[span.kind, span.path] += 1
        if span.path == "/slow":
            assert span.end - span.start > 15e9 and span["http.response.status_code"] == 200, span
        elif span["http.response.status_code"] != 200 and not kernel["ring_full"]:
            wrong.append(span)
        if span.kind == "client":
            clients[span.span_id] = span.path
    for span in tracelet.spans():
        if span.has_parent() and clients.get(span.parent, span.path) != span.path:
            wrong.append(span)
    assert not wrong, f"{len(wrong)} wrong: {wrong[:3]}"
    print(f"{sum(seen.values())} spans")
    assert max(seen.values()) <= 2, "two bursts use a path twice, no more"
    assert seen["client", "/slow"] == seen["server", "/slow"] == 1, "the slow client is missing"
    if not kernel["ring_full"]:
        asked, came = 2 * (COUNT + 1), sum(seen.values())
        assert came + tracelet.ledger("spans")["dropped"] == asked, f"{came} of {asked} spans"


class SlowClient:
    """GET /slow at one byte a second."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        client = socket.create_connection(self.listener.getsockname())
        server = self.listener.accept()[0]
        for byte in b"GET /slow HTTP/1.0\r\n\r\n":
            client.sendall(bytes([byte]))
            server.recv(1)
            threading.Event().wait(1)
        server.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        client.recv(100)
