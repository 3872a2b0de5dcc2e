"""Hard ends: clients that give up, servers that hang up, resets."""

import fcntl
import os
import socket
import struct
import termios
import threading
import time

from harness import Table
from harness.table import ABRUPT

table = Table()


def await_full(sender):
    """Until nothing more fits for a while: whoever writes sleeps in the call."""
    same, before = 0, 0
    while same < 20:
        time.sleep(0.001)
        (now,) = struct.unpack("i", fcntl.ioctl(sender, termios.TIOCOUTQ, bytes(4)))
        same = same + 1 if now and now == before else 0
        before = now


def run(test):
    table.run(test)


@table.row
def client_gives_up(row):
    """Closes before the response begins."""
    client, server = row.tcp()
    row.send(client, server, row.request())
    client.close()
    assert server.recv(1) == b""
    server.close()
    row.expect(status=None, response_size=None, error="aborted")


@table.row
def client_gives_up_in_the_body(row):
    client, server = row.tcp()
    row.send(client, server, row.request("POST", headers=["Content-Length: 100"]) + b"half")
    client.close()
    assert server.recv(1) == b""
    server.close()
    row.expect(method="POST", status=None, request_size=None, response_size=None, error="aborted")


@table.row
def client_resets(row):
    client, server = row.tcp()
    row.send(client, server, row.request())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
    client.close()
    try:
        server.recv(1)
    except ConnectionResetError:
        server.close()
    row.expect(sides=("client",), status=None, response_size=None, error="aborted")
    row.expect(sides=("server",), status=None, response_size=None, error="reset")


@table.row
def client_resets_during_the_response(row):
    """The server's call returns only then: what it had written by then is the client's."""
    client, server = row.tcp()
    row.send(client, server, row.request())
    head = row.response(headers=["Content-Length: 67108864"], length=False)
    writer = threading.Thread(target=server.send, args=(head + bytes(1 << 26),))
    writer.start()
    row.receive(client, len(head))
    await_full(server)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
    client.close()
    writer.join()
    row.expect(sides=("client",), response_size=None, error="aborted")
    row.expect(sides=("server",), response_size=None, error="reset")


@table.row
def server_resets(row):
    """In the middle of the response, part of which is still read after the RST."""
    client, server = row.tcp()
    row.send(client, server, row.request())
    server.sendall(row.response(headers=["Content-Length: 100"], length=False) + b"half")
    os.read(client.fileno(), 20)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
    server.close()
    try:
        while client.recv(4096):
            pass
    except ConnectionResetError:
        client.close()
    row.expect(sides=("client",), error="reset", response_size=None)
    row.expect(sides=("server",), error="incomplete", response_size=None)


@table.row
def server_closes_without_a_word(row):
    client, server = row.tcp()
    row.send(client, server, row.request())
    server.close()
    assert client.recv(1) == b""
    client.close()
    row.expect(status=None, response_size=None, error="no_response")


@table.row
def server_closes_in_the_body(row):
    client, server = row.tcp()
    row.send(client, server, row.request())
    row.send(server, client, row.response(headers=["Content-Length: 100"], length=False) + b"half")
    server.close()
    assert client.recv(1) == b""
    client.close()
    row.expect(response_size=None, error="incomplete")


@table.row
def half_closed_by_the_client(row):
    """FIN after the request, as `nc -N` does; the response comes all the same."""
    client, server = row.tcp()
    row.send(client, server, row.request())
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""
    row.send(server, client, row.response(b"hello"))
    row.expect(response_size=5)


@table.row
def data_and_fin_in_one_read(row):
    """`Connection: close`: the reader's last call takes the FIN too."""
    client, server = row.tcp()
    row.send(client, server, row.request(headers=["Connection: close"]))
    server.sendall(row.response(b"hello", headers=["Connection: close"]))
    server.close()
    while client.recv(65536):
        pass
    row.expect(response_size=5)
