"""Hard sockets: every system call and address family, and what descriptors go through."""

import array
import contextlib
import os
import select
import socket
import tempfile
import threading

from harness import Table
from harness.calls import RECEIVERS, SENDERS, libc
from harness.table import ANY, elsewhere

table = Table()
UNIX_PATH = os.path.join(tempfile.gettempdir(), f"tracelet-e2e-{os.getpid()}.sock")


def run(test):
    table.run(test)


def exchange_by(send, receive):
    def body(row):
        client, server = row.tcp()
        for path in row.paths(2):
            for sender, receiver, message in (
                (client, server, row.request("POST", path, body=b"body")),
                (server, client, row.response(b"hello")),
            ):
                send(sender, message)
                assert receive(receiver, len(message)) == message
            row.expect(path, method="POST", request_size=4, response_size=5)

    body.__name__ = f"{send.__name__}_to_{receive.__name__}"
    return body


for one in SENDERS:
    for other in RECEIVERS:
        table.row(exchange_by(one, other))


@table.row
def splice_in(row):
    """The server moves the body from the socket into a pipe."""
    client, server = row.tcp()
    reader, writer = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reader)
        stack.callback(os.close, writer)
        for path in row.paths(2):
            head = row.request("POST", path, ["Content-Length: 4"])
            row.send(client, server, head)
            client.sendall(b"body")
            assert os.splice(server.fileno(), writer, 4) == 4 and os.read(reader, 4) == b"body"
            row.send(server, client, row.response(b"hello"))
            row.expect(path, method="POST", request_size=4, response_size=5)


@table.row
def truncated_by_the_reader(row):
    """MSG_TRUNC throws the body away; the stream moves."""
    client, server = row.tcp()
    for path in row.paths(2):
        row.send(client, server, row.request("POST", path, ["Content-Length: 4"]))
        client.sendall(b"body")
        assert libc.recv(server.fileno(), None, 4, socket.MSG_TRUNC) == 4
        row.send(server, client, row.response(b"hello"))
        row.expect(path, method="POST", request_size=4, response_size=5)


@table.row
def sendfile_body(row):
    """A head by write, 300 KB by sendfile."""
    client, server = row.tcp()
    size = 300_000
    row.send(client, server, row.request())

    def serve():
        server.sendall(row.response(headers=[f"Content-Length: {size}"], length=False))
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            server.sendfile(file)

    serving = threading.Thread(target=serve)
    serving.start()
    row.receive(client, len(row.response(headers=[f"Content-Length: {size}"], length=False)) + size)
    serving.join()
    row.expect(response_size=size)


@table.row
def zero_copy_send(row):
    """MSG_ZEROCOPY with its notice on the error queue."""
    client, server = row.tcp()
    server.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
    row.send(client, server, row.request())
    message = row.response(b"z" * 100_000)
    sent = server.send(message, 0x4000000)  # MSG_ZEROCOPY
    row.receive(client, sent)
    select.select([], [], [server], 1)
    server.recvmsg(100, 1000, socket.MSG_ERRQUEUE)
    row.send(server, client, message[sent:])
    row.expect(response_size=100_000)


@table.row
def urgent_byte(row):
    """MSG_OOB takes a place in the stream: after it nothing is claimed that was not seen."""
    client, server = row.tcp()
    first, second = row.paths(2)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    row.exchange(client, server, row.request(path=first), row.response(b"hello"))
    row.send(client, server, row.request("POST", second, ["Content-Length: 3"]) + b"ab")
    client.send(b"c", socket.MSG_OOB)
    row.receive(server, 1)
    row.send(server, client, row.response(b"hi"))
    row.expect(first, response_size=5)
    row.expect(second, method="POST", request_size=ANY, response_size=2)


# --- not blocking


@table.row
def not_blocking(row):
    """connect() in progress, reads that find nothing, a write that fits only in part."""
    listener = row.listen()
    client = row.keep(socket.socket())
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
    server = row.keep(listener.accept()[0])
    server.setblocking(False)
    size = 8_000_000
    message, got = row.response(b"r" * size), 0
    with contextlib.suppress(BlockingIOError):
        server.recv(10)
    select.select([], [client], [])
    client.send(row.request())
    select.select([server], [], [])
    server.recv(65536)
    while got < len(row.response(b"r" * size)):
        readable, writable, _ = select.select([client], [server] if message else [], [])
        if writable:
            message = message[server.send(message) :]
        if readable:
            got += len(client.recv(1 << 20))
    row.expect(response_size=size)


@table.row
def epoll_edge_triggered(row):
    client, server = row.tcp()
    with select.epoll() as poller:
        poller.register(server.fileno(), select.EPOLLIN | select.EPOLLET)
        server.setblocking(False)
        for path in row.paths(2):
            client.sendall(row.request(path=path))
            poller.poll()
            with contextlib.suppress(BlockingIOError):
                while server.recv(16):
                    pass
            row.send(server, client, row.response(b"hello"))
            row.expect(path, response_size=5)


# --- addresses


def over(name, family, address, peer, dial=None):
    def body(row):
        listener = row.keep(socket.socket(family))
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen()
        target = dial and (dial[1], listener.getsockname()[1])
        client, server = row.dial(listener, dial and dial[0], target)
        for path in row.paths(2):
            row.exchange(client, server, row.request(path=path), row.response(b"hello"))
            transport = "unix" if family == socket.AF_UNIX else "tcp"
            row.expect(path, sides=("client",), response_size=5, transport=transport, peer=peer)
            server_peer = None if family == socket.AF_UNIX else peer  # who connected has no name
            row.expect(path, sides=("server",), response_size=5, transport=transport, peer=server_peer)

    body.__name__ = name
    table.row(body)


over("ipv4", socket.AF_INET, ("127.0.0.1", 0), "127.0.0.1")
over("ipv6", socket.AF_INET6, ("::1", 0), "::1")
over("ipv4_client_of_an_ipv6_server", socket.AF_INET6, ("::", 0), "127.0.0.1", (socket.AF_INET, "127.0.0.1"))
over("v4_mapped_at_both_ends", socket.AF_INET6, ("::", 0), "127.0.0.1", (socket.AF_INET6, "::ffff:127.0.0.1"))
over("unix_path", socket.AF_UNIX, UNIX_PATH, UNIX_PATH)
over("unix_abstract", socket.AF_UNIX, "\0" + UNIX_PATH, "@" + UNIX_PATH)


@table.row
def unix_pair(row):
    """socketpair(): nobody connected, who writes the request is the client. Not linked, and said."""
    client, server = (row.keep(end) for end in socket.socketpair())
    for path in row.paths(2):
        row.exchange(client, server, row.request(path=path), row.response(b"hello"))
        row.expect(path, response_size=5, linked=False)


@table.row
def unix_by_every_call(row):
    """Unix sockets have no sequence numbers: every call must count."""
    listener = row.listen(socket.AF_UNIX, f"\0tracelet-e2e-calls-{os.getpid()}")
    client, server = row.dial(listener)
    calls = [(send, receive) for send in SENDERS for receive in RECEIVERS]
    for index, (send, receive) in enumerate(calls):
        path = f"{row.path}/{index}"
        for sender, receiver, message in (
            (client, server, row.request("POST", path, body=b"body")),
            (server, client, row.response(b"hello")),
        ):
            send(sender, message)
            assert receive(receiver, len(message)) == message
        row.expect(path, method="POST", request_size=4, response_size=5)


# --- descriptors


@table.row
def descriptor_used_again(row):
    """Eight connections, one after another, on the same two descriptors."""
    listener = row.listen()
    numbers = set()
    for path in row.paths(8):
        client, server = socket.create_connection(listener.getsockname()), listener.accept()[0]
        numbers.add((client.fileno(), server.fileno()))
        row.exchange(client, server, row.request(path=path), row.response(b"hello"))
        client.close()
        server.close()
        row.expect(path, response_size=5)
    assert len(numbers) == 1, "the kernel did not give the same descriptors"


@table.row
def descriptor_replaced(row):
    """dup2() puts another connection under a descriptor in the middle of a request."""
    client, server = row.tcp()
    other_client, other_server = row.tcp()
    first, second = row.paths(2)
    row.send(client, server, row.request(path=first))
    kept = row.keep(server.dup())
    os.dup2(other_server.fileno(), server.fileno())
    row.exchange(other_client, server, row.request(path=second), row.response(b"hi"))
    row.send(kept, client, row.response(b"hello"))
    row.expect(first, response_size=5)
    row.expect(second, response_size=2)


@table.row
def descriptor_passed_on(row):
    """SCM_RIGHTS carries the accepted socket to another process, which answers."""
    listener = row.listen()
    here, there = (row.keep(end) for end in socket.socketpair())
    child = os.fork()
    if child == 0:
        _, control, _, _ = there.recvmsg(1, socket.CMSG_SPACE(4))
        server = socket.socket(fileno=array.array("i", control[0][2])[0])
        server.recv(4096)
        server.sendall(row.response(b"hello"))
        os._exit(0)
    client, server = row.dial(listener)
    here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [server.fileno()]))])
    server.close()
    client.sendall(row.request())
    row.receive(client, len(row.response(b"hello")))
    os.waitpid(child, 0)
    row.expect(sides=("client",), response_size=5)
    row.expect(sides=("server",), response_size=5, check=lambda span: is_from(span, child))


def is_from(span, pid):
    assert span.pid == pid, f"pid {span.pid}, not {pid}"


@table.row
def accepted_before_fork(row):
    """The parent accepts, a child answers, as inetd does."""
    client, server = row.tcp()
    child = os.fork()
    if child == 0:
        server.recv(4096)
        server.sendall(row.response(b"hello"))
        os._exit(0)
    server.close()
    client.sendall(row.request())
    row.receive(client, len(row.response(b"hello")))
    os.waitpid(child, 0)
    row.expect(sides=("client",), response_size=5)
    row.expect(sides=("server",), response_size=5, check=lambda span: is_from(span, child))


@table.row
def accept_without_4(row):
    """accept(), not accept4()."""
    listener = row.listen()
    client = row.keep(socket.create_connection(listener.getsockname()))
    server = row.keep(socket.socket(fileno=libc.accept(listener.fileno(), None, None)))
    row.exchange(client, server, row.request(), row.response(b"hello"))
    row.expect(response_size=5)


@table.row
def handed_between_threads(row):
    """A thread of its own for each read and write of one connection."""
    client, server = row.tcp()
    for path in row.paths(3):
        elsewhere(client.sendall, row.request(path=path))
        elsewhere(row.receive, server, len(row.request(path=path)))
        elsewhere(server.sendall, row.response(b"hello"))
        elsewhere(row.receive, client, len(row.response(b"hello")))
        row.expect(path, response_size=5)


@table.row
def nothing_but_a_connection(row):
    """Opened and closed, reset, or with one byte: no span, no harm."""
    listener = row.listen()
    for data in (b"", b"\0", b"G", b"GET"):
        client, server = row.dial(listener)
        client.sendall(data)
        client.close()
        server.recv(10)
        server.close()


@table.row
def not_http(row):
    """SSH, TLS and Redis speak first or not at all like HTTP: no span."""
    for banner, reply in (
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400, b"\x16\x03\x03" + b"\0" * 80),
        (b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", b"$-1\r\n"),
        (b"GET key\r\n", b"NOT HTTP\r\n"),
    ):
        client, server = row.tcp()
        for _ in range(3):
            row.exchange(client, server, banner, reply)
