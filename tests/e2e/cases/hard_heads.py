"""Hard heads: cut, long, careless, with odd methods and targets, and with secrets in them."""

import threading

from harness import Table

table = Table()
LOOKS_LIKE_A_REQUEST = b"GET /never HTTP/1.1\r\nHost: nobody\r\n\r\n"
LOOKS_LIKE_A_RESPONSE = b"HTTP/1.1 500 Never\r\nContent-Length: 0\r\n\r\n"


def run(test):
    table.run(test)


@table.row
def head_byte_by_byte(row):
    """Each byte of the request is written and read alone."""
    client, server = row.tcp()
    for byte in row.request("POST", body=b"abc"):
        row.send(client, server, bytes([byte]))
    row.send(server, client, row.response(b"hello"))
    row.expect(method="POST", request_size=3, response_size=5)


def in_iovecs(row, sender, receiver, message, count):
    step = len(message) // (count - 1)
    sender.sendmsg([message[start : start + step] for start in range(0, len(message), step)])
    buffers = [bytearray(step) for _ in range(len(message) // step + 1)]
    assert receiver.recvmsg_into(buffers)[0] == len(message)


@table.row
def head_in_iovecs(row):
    """Head and body in 16 iovecs each way."""
    client, server = row.tcp()
    in_iovecs(row, client, server, row.request("POST", body=b"abc"), 16)
    in_iovecs(row, server, client, row.response(b"hello"), 16)
    row.expect(method="POST", request_size=3, response_size=5)


@table.row
def head_in_a_hundred_iovecs(row):
    """More than are looked at: the head is cut, which is said."""
    client, server = row.tcp()
    headers = ["X-Filler: " + "f" * 1000]
    in_iovecs(row, client, server, row.request("POST", headers=headers, body=b"abc"), 100)
    row.send(server, client, row.response(b"hello"))
    row.expect(method="POST", request_size=None, response_size=5, **{"tracelet.head.truncated": True})


@table.row
def read_one_then_the_rest(row):
    """As Go's server does: one byte first, then 4 KiB."""
    client, server = row.tcp()
    for path in row.paths(2):
        request = row.request("POST", path, body=b"abc")
        client.sendall(request)
        assert server.recv(1) + server.recv(4096) == request
        row.send(server, client, row.response(b"hello"))
        row.expect(path, method="POST", request_size=3, response_size=5)


@table.row
def head_of_8_kb(row):
    client, server = row.tcp()
    cookie = [f"X-Filler-{index}: {'f' * 100}" for index in range(70)]
    row.exchange(
        client, server, row.request("POST", headers=cookie, body=b"abc"), row.response(b"hello", headers=cookie)
    )
    row.expect(method="POST", request_size=3, response_size=5)


@table.row
def head_longer_than_the_cap(row):
    """40 KB of headers: the request line is known, the next exchange is whole."""
    client, server = row.tcp()
    first, second = row.paths(2)
    filler = [f"X-Filler-{index}: {'f' * 1000}" for index in range(40)]
    row.exchange(client, server, row.request(path=first, headers=filler), row.response(b"hello"))
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, request_size=None, response_size=5)
    row.expect(second, response_size=2)


@table.row
def careless_spelling(row):
    """An empty line first, bare line feeds, odd case and spaces."""
    client, server = row.tcp()
    row.exchange(
        client,
        server,
        b"\r\nPOST %s HTTP/1.1\nhOST: x\ncontent-LENGTH:   3  \n\nabc" % row.path.encode(),
        b"HTTP/1.1 200 OK\ncontent-length:5\n\nhello",
    )
    row.expect(method="POST", request_size=3, response_size=5)


@table.row
def odd_methods(row):
    """Known methods by name, others as _OTHER with the original beside."""
    client, server = row.tcp()
    methods = ("PATCH", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH", "get")
    for path, method in zip(row.paths(6), methods):
        row.exchange(client, server, row.request(method, path), row.response(b"hello"))
        known = method in ("PATCH", "OPTIONS", "TRACE")
        row.expect(
            path, method=method if known else "_OTHER", original_method=None if known else method, response_size=5
        )


@table.row
def absolute_form(row):
    """To a proxy: the path is that of the URL."""
    client, server = row.tcp()
    row.exchange(client, server, row.request(path=f"http://example.test:81{row.path}?a=1"), row.response(b"hello"))
    row.expect(response_size=5)


@table.row
def asterisk_form(row):
    client, server = row.tcp()
    row.exchange(client, server, row.request("OPTIONS", "*"), row.response())
    row.expect("*", method="OPTIONS")


@table.row
def connect_method(row):
    """A tunnel: one span that ends with the connection, whatever goes through."""
    client, server = row.tcp()
    row.exchange(
        client, server, b"CONNECT tunnel.test:443 HTTP/1.1\r\nHost: tunnel.test:443\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    )
    row.exchange(client, server, LOOKS_LIKE_A_REQUEST, LOOKS_LIKE_A_RESPONSE)
    row.expect("tunnel.test:443", method="CONNECT", response_size=None, outcome="upgraded")


@table.row
def websocket(row):
    """One span that ends with its connection."""
    client, server = row.tcp()
    upgrade = ["Connection: Upgrade", "Upgrade: websocket"]
    row.exchange(
        client,
        server,
        row.request(headers=upgrade),
        row.response(status="101 Switching", headers=upgrade, length=False),
    )
    for _ in range(3):
        row.exchange(client, server, b"\x82\x7e" + LOOKS_LIKE_A_REQUEST, LOOKS_LIKE_A_RESPONSE)
    threading.Event().wait(0.3)
    row.expect(status=101, response_size=None, outcome="upgraded", check=lasts_a_while)


def lasts_a_while(span):
    assert span.end - span.start >= 300_000_000, "ended before its connection"


@table.row
def upgrade_refused(row):
    """Asked for, not granted: ordinary exchanges follow."""
    client, server = row.tcp()
    first, second = row.paths(2)
    row.exchange(
        client, server, row.request(path=first, headers=["Connection: Upgrade", "Upgrade: h2c"]), row.response(b"no")
    )
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, response_size=2)
    row.expect(second, response_size=2)


# --- what must not leave


@table.row
def secrets_stay(row):
    """Query values, cookies, authorization, bodies and user info are nowhere in a span."""
    client, server = row.tcp()
    secrets = ["Cookie: session=hunter2", "Authorization: Basic hunter2", "Proxy-Authorization: hunter2"]
    row.exchange(
        client,
        server,
        row.request("POST", f"{row.path}?token=hunter2&q=hunter2", secrets, b"password=hunter2"),
        row.response(b"hunter2", headers=["Set-Cookie: session=hunter2"]),
    )
    row.expect(method="POST", request_size=16, response_size=7, check=tells_nothing)


def tells_nothing(span):
    assert "hunter2" not in span.text(), "tells a secret"
