"""Every system call that moves bytes on a stream socket, as SENDERS and RECEIVERS:
send(socket, data) sends all of it, receive(socket, count) reads exactly that many."""

import ctypes
import os
import socket
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
MSG_WAITALL = socket.MSG_WAITALL


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.POINTER(Iovec)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("header", Msghdr), ("length", ctypes.c_uint)]


def mmsghdr(buffers):
    """An array for sendmmsg and recvmmsg, one message per buffer; and what must outlive the call."""
    vectors = [Iovec(ctypes.cast(buffer, ctypes.c_void_p), len(buffer)) for buffer in buffers]
    messages = (Mmsghdr * len(buffers))()
    for message, vector in zip(messages, vectors):
        message.header.iov = ctypes.pointer(vector)
        message.header.iovlen = 1
    return messages, vectors


def halves(data):
    return [data[: len(data) // 2], data[len(data) // 2 :]]


def head_and_body(data):
    end = data.index(b"\r\n\r\n") + 4
    return [data[:end], data[end:]]


# --- senders


def write(sock, data):
    assert os.write(sock.fileno(), data) == len(data)


def writev(sock, data):
    assert os.writev(sock.fileno(), halves(data)) == len(data)


def sendto(sock, data):
    assert sock.send(data) == len(data)


def sendmsg(sock, data):
    assert sock.sendmsg(halves(data)) == len(data)


def sendmmsg(sock, data):
    buffers = [ctypes.create_string_buffer(half, len(half)) for half in halves(data)]
    messages, _vectors = mmsghdr(buffers)
    assert libc.sendmmsg(sock.fileno(), messages, len(buffers), 0) == len(buffers)


def send_more(sock, data):
    """The kernel holds back what is sent with MSG_MORE."""
    first, second = halves(data)
    sock.send(first, socket.MSG_MORE)
    sock.send(second)


def sendfile(sock, data):
    """The body comes from a file."""
    head, body = head_and_body(data)
    sock.send(head)
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        assert os.sendfile(sock.fileno(), file.fileno(), 0, len(body)) == len(body)


def splice_out(sock, data):
    """The body comes from a pipe."""
    head, body = head_and_body(data)
    sock.send(head)
    reader, writer = os.pipe()
    os.write(writer, body)
    assert os.splice(reader, sock.fileno(), len(body)) == len(body)
    os.close(reader)
    os.close(writer)


# --- receivers


def again(receive_once):
    def receive(sock, count):
        data = b""
        while len(data) < count:
            piece = receive_once(sock, count - len(data))
            assert piece, "end of stream"
            data += piece
        return data

    receive.__name__ = receive_once.__name__
    return receive


@again
def read(sock, count):
    return os.read(sock.fileno(), count)


@again
def readv(sock, count):
    buffers = [bytearray(7), bytearray(max(count - 7, 1))]
    got = os.readv(sock.fileno(), buffers)
    return b"".join(buffers)[:got]


@again
def recvfrom(sock, count):
    return sock.recv(count)


@again
def recvmsg(sock, count):
    return sock.recvmsg(count)[0]


@again
def recvmmsg(sock, count):
    buffers = [ctypes.create_string_buffer(part) for part in (count // 2 or 1, count)]
    messages, _vectors = mmsghdr(buffers)
    MSG_WAITFORONE = 0x10000  # linux/socket.h
    filled = libc.recvmmsg(sock.fileno(), messages, len(buffers), MSG_WAITFORONE, None)
    assert filled > 0, os.strerror(ctypes.get_errno())
    return b"".join(buffers[i].raw[: messages[i].length] for i in range(filled))


@again
def peek_first(sock, count):
    """The same bytes are seen twice, the stream moves once."""
    seen = sock.recv(count, socket.MSG_PEEK)
    data = sock.recv(count)
    assert data.startswith(seen)
    return data


@again
def wait_all(sock, count):
    return sock.recv(count, MSG_WAITALL)


@again
def recv_with_timeout(sock, count):
    """Not blocking: poll() of the one socket, then recv()."""
    sock.settimeout(10)
    data = sock.recv(count)
    sock.settimeout(None)
    return data


@again
def two_bytes_at_a_time(sock, count):
    return sock.recv(min(count, 2))


SENDERS = [write, writev, sendto, sendmsg, sendmmsg, send_more, sendfile, splice_out]
RECEIVERS = [read, readv, recvfrom, recvmsg, recvmmsg, peek_first, wait_all, recv_with_timeout, two_bytes_at_a_time]
