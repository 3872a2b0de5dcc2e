"""Hard HTTP: messages one after another, every class of status, every way to end a body."""

import threading

from harness import Table

table = Table()
LOOKS_LIKE_A_REQUEST = b"GET /never HTTP/1.1\r\nHost: nobody\r\n\r\n"
LOOKS_LIKE_A_RESPONSE = b"HTTP/1.1 500 Never\r\nContent-Length: 0\r\n\r\n"


def run(test):
    table.run(test)


# --- messages one after another


@table.row
def plain(row):
    client, server = row.tcp()
    row.exchange(client, server, row.request(), row.response(b"hello"))
    row.expect(response_size=5, version="1.1")


@table.row
def keep_alive(row):
    client, server = row.tcp()
    for path, size in zip(row.paths(3), (0, 10, 3000)):
        row.exchange(client, server, row.request("POST", path, body=b"x" * size), row.response(b"y" * size))
        row.expect(path, method="POST", request_size=size, response_size=size)


@table.row
def version_1_0_keep_alive(row):
    client, server = row.tcp()
    for path in row.paths(2):
        row.exchange(
            client,
            server,
            row.request(path=path, version="1.0", headers=["Connection: keep-alive"]),
            row.response(b"hello", version="1.0", headers=["Connection: keep-alive"]),
        )
        row.expect(path, response_size=5, version="1.0")


@table.row
def pipelining(row):
    """Three requests in one write, three responses in one write."""
    client, server = row.tcp()
    paths = row.paths(3)
    requests = [row.request("PUT", path, body=b"z" * index) for index, path in enumerate(paths)]
    responses = [row.response(b"r" * index, "201 Created") for index in range(3)]
    row.exchange(client, server, b"".join(requests), b"".join(responses))
    for index, path in enumerate(paths):
        row.expect(path, method="PUT", status=201, request_size=index, response_size=index)


@table.row
def pipelining_cut_anywhere(row):
    """Writes of 7 bytes, whatever the messages' borders."""
    client, server = row.tcp()
    paths = row.paths(3)
    stream = b"".join(row.request(path=path) for path in paths)
    for start in range(0, len(stream), 7):
        row.send(client, server, stream[start : start + 7])
    row.send(server, client, row.response(b"hello") * 3)
    for path in paths:
        row.expect(path, response_size=5)


@table.row
def pipelining_in_bulk(row):
    """100 requests in one write of 15 KB, read by 4 KiB."""
    client, server = row.tcp()
    paths = [f"{row.path}/{number}" for number in range(100)]
    stream = b"".join(row.request(path=path, headers=["X-Filler: " + "f" * 60]) for path in paths)
    client.sendall(stream)
    left = len(stream)
    while left:
        left -= len(server.recv(4096))
    for _ in paths:
        row.send(server, client, row.response(b"hello"))
    for path in paths:
        row.expect(path, response_size=5)


@table.row
def pipelining_answered_one_by_one(row):
    """The next request arrives while the first response is being written; where the second is cut, it is said."""
    client, server = row.tcp()
    first, second = row.paths(2)
    reply = row.response(b"hello")
    row.send(client, server, row.request(path=first))
    row.send(server, client, reply[:10])
    client.sendall(row.request(path=second))
    row.receive(server, len(row.request(path=second)))
    row.send(server, client, reply[10:] + reply[:20])
    row.send(server, client, reply[20:])
    row.expect(first, response_size=5)
    row.expect(second, response_size=None, **{"tracelet.head.truncated": True})


# --- statuses


@table.row
def continue_100(row):
    client, server = row.tcp()
    head = row.request("POST", headers=["Expect: 100-continue", "Content-Length: 11"])
    row.exchange(client, server, head, b"HTTP/1.1 100 Continue\r\n\r\n")
    row.exchange(client, server, b"hello world", row.response(b"done", "201 Created"))
    row.expect(method="POST", status=201, request_size=11, response_size=4)


@table.row
def early_hints(row):
    """102, 103 and then the response; keep-alive goes on."""
    client, server = row.tcp()
    first, second = row.paths(2)
    row.send(client, server, row.request(path=first))
    row.send(server, client, b"HTTP/1.1 102 Processing\r\n\r\n")
    row.send(server, client, b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + row.response(b"hello"))
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, response_size=5)
    row.expect(second, response_size=2)


@table.row
def head_has_no_body(row):
    client, server = row.tcp()
    head, get = row.paths(2)
    row.exchange(client, server, row.request("HEAD", head), b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    row.exchange(client, server, row.request(path=get), row.response(b"hello"))
    row.expect(head, method="HEAD")
    row.expect(get, response_size=5)


@table.row
def no_content_and_not_modified(row):
    client, server = row.tcp()
    first, second, third = row.paths(3)
    row.exchange(client, server, row.request("DELETE", first), b"HTTP/1.1 204 No Content\r\n\r\n")
    row.exchange(client, server, row.request(path=second), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n")
    row.exchange(client, server, row.request(path=third), row.response(b"hello"))
    row.expect(first, method="DELETE", status=204)
    row.expect(second, status=304)
    row.expect(third, response_size=5)


def status_is(span, text):
    assert span.status.lower() == text, f"status is {span.status}"


@table.row
def not_found(row):
    """An error for the client, not for the server."""
    client, server = row.tcp()
    row.exchange(client, server, row.request(), row.response(b"no", "404 Not Found"))
    row.expect(sides=("client",), status=404, response_size=2, error="404", check=lambda span: status_is(span, "error"))
    row.expect(sides=("server",), status=404, response_size=2, check=lambda span: status_is(span, "unset"))


@table.row
def server_error(row):
    client, server = row.tcp()
    row.exchange(client, server, row.request(), row.response(b"", "503 Busy"))
    row.expect(status=503, error="503", check=lambda span: status_is(span, "error"))


@table.row
def status_without_reason(row):
    client, server = row.tcp()
    row.exchange(client, server, row.request(), b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok")
    row.expect(response_size=2)


# --- bodies


@table.row
def chunked_both_ways(row):
    """Chunk extensions and trailers; then another request."""
    client, server = row.tcp()
    first, second = row.paths(2)
    chunks = b"5;name=value\r\nhello\r\n0A\r\n0123456789\r\n0\r\n"
    row.exchange(
        client,
        server,
        row.request("POST", first, ["Transfer-Encoding: chunked", "Trailer: X-Sum"]) + chunks + b"X-Sum: 1\r\n\r\n",
        row.response(headers=["Transfer-Encoding: chunked"], length=False) + chunks + b"X-A: 1\r\nX-B: 2\r\n\r\n",
    )
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, method="POST", request_size=15, response_size=15)
    row.expect(second, response_size=2)


@table.row
def chunked_in_pieces(row):
    """Every byte of the chunked response in a write of its own."""
    client, server = row.tcp()
    row.send(client, server, row.request())
    body = b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n"
    for byte in row.response(headers=["transfer-encoding:chunked"], length=False) + body:
        row.send(server, client, bytes([byte]))
    row.expect(response_size=19)


@table.row
def chunks_that_look_like_messages(row):
    client, server = row.tcp()
    first, second = row.paths(2)

    def chunked(body):
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    row.send(client, server, row.request("POST", first, ["Transfer-Encoding: chunked"]))
    row.send(client, server, chunked(LOOKS_LIKE_A_REQUEST))
    row.send(server, client, row.response(headers=["Transfer-Encoding: chunked"], length=False))
    row.send(server, client, chunked(LOOKS_LIKE_A_RESPONSE))
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, method="POST", request_size=None, response_size=None)  # the kernel copies heads only
    row.expect(second, response_size=2)


@table.row
def bodies_that_look_like_messages(row):
    """Sent by a write of their own, so that they begin an operation."""
    client, server = row.tcp()
    first, second = row.paths(2)
    row.send(client, server, row.request("POST", first, [f"Content-Length: {len(LOOKS_LIKE_A_REQUEST)}"]))
    row.send(client, server, LOOKS_LIKE_A_REQUEST)
    row.send(server, client, row.response(headers=[f"Content-Length: {len(LOOKS_LIKE_A_RESPONSE)}"], length=False))
    row.send(server, client, LOOKS_LIKE_A_RESPONSE)
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, method="POST", request_size=len(LOOKS_LIKE_A_REQUEST), response_size=len(LOOKS_LIKE_A_RESPONSE))
    row.expect(second, response_size=2)


@table.row
def read_until_close(row):
    client, server = row.tcp()
    row.send(client, server, row.request(version="1.0"))
    row.send(server, client, row.response(b"some", version="1.0", length=False))
    row.send(server, client, b" more")
    server.close()
    assert client.recv(1) == b""
    row.expect(response_size=9)


@table.row
def large_bodies(row):
    """5 MB each way, many writes and reads."""
    client, server = row.tcp()
    size = 5_000_000

    def serve():
        row.receive(server, len(row.request("POST", body=b"q" * size)))
        server.sendall(row.response(b"a" * size))

    serving = threading.Thread(target=serve)
    serving.start()
    client.sendall(row.request("POST", body=b"q" * size))
    row.receive(client, len(row.response(b"a" * size)))
    serving.join()
    row.expect(method="POST", request_size=size, response_size=size)


@table.row
def response_before_the_request_ended(row):
    """413 after half of the body; the other half comes all the same, then the next request."""
    client, server = row.tcp()
    first, second = row.paths(2)
    row.send(client, server, row.request("POST", first, ["Content-Length: 10"]) + b"01234")
    row.send(server, client, row.response(b"big", "413 Content Too Large"))
    row.send(client, server, b"56789")
    row.exchange(client, server, row.request(path=second), row.response(b"hi"))
    row.expect(first, sides=("client",), method="POST", status=413, request_size=10, response_size=3, error="413")
    row.expect(first, sides=("server",), method="POST", status=413, request_size=10, response_size=3)
    row.expect(second, response_size=2)
