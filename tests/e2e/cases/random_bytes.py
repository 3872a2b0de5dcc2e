"""Random bytes, and requests with random damage, on traced ports: no crash, and what comes after is right."""

import contextlib
import random
import socket
import threading

from harness.table import ABRUPT

GOOD = 50
SEED = 20_26
MESSAGES = (
    b"POST /junk HTTP/1.1\r\nContent-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\4\0\0\0\0\0",
    b"GET http://[::1]:99999999999999/junk?%zz#\xff HTTP/9.9\r\ntraceparent: 00-junk\r\n\r\n",
)


def run(test):
    chance = random.Random(SEED)
    tracelet = test.tracelet()
    listener = socket.create_server(("127.0.0.1", test.port()), backlog=64)
    for number in range(GOOD):
        for _ in range(10):
            junk(chance, listener)
        good(listener, f"/good/{number}")
    spans = tracelet.stop()
    fine = [span for span in spans if span.path.startswith("/good/")]
    clients = {span.path: span for span in fine if span.kind == "client"}
    servers = {span.path: span for span in fine if span.kind == "server"}
    assert len(fine) == 2 * len(clients) == 2 * len(servers) == 2 * GOOD, f"{len(fine)} spans of {GOOD} good requests"
    for path, server in servers.items():
        assert server.parent == clients[path].span_id and server["http.response.status_code"] == 200, server
    print(f"{len(spans) - len(fine)} spans of damaged requests")


def damaged(chance):
    kind = chance.randrange(3)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 3000))
    message = bytearray(b"".join(chance.choices(MESSAGES, k=3)))
    if kind == 1:
        return bytes(message[: chance.randrange(1, len(message))])
    for _ in range(chance.randrange(1, 10)):
        message[chance.randrange(len(message))] = chance.randrange(256)
    return bytes(message)


def junk(chance, listener):
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    with contextlib.suppress(OSError):
        for _ in range(chance.randrange(1, 4)):
            sender, receiver = chance.sample([client, server], 2)
            data = damaged(chance)
            sender.sendall(data)
            receiver.recv(chance.randrange(1, 4096))
    if chance.random() < 0.3:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
    client.close()
    server.close()


def good(listener, path):
    """In a thread of its own: what the main thread left open is not its caller."""

    def work():
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
            client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
            server.recv(4096)
            server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            client.recv(4096)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
