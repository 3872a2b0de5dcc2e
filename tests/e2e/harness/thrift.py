"""Datagrams as Jaeger clients send them: emitBatch in Thrift's compact protocol."""

import socket
import time


def sender(port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(("127.0.0.1", port))
    return udp


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(delta, kind, value):
    """A field of an integer, by zigzag."""
    return bytes([delta << 4 | kind]) + varint(value << 1 ^ value >> 63)


def i32(delta, value):
    return number(delta, 5, value)


def i64(delta, value):
    return number(delta, 6, value)


def text(delta, value):
    encoded = value.encode()
    return bytes([delta << 4 | 8]) + varint(len(encoded)) + encoded


def structs(delta, items):
    head = bytes([len(items) << 4 | 12]) if len(items) < 15 else b"\xfc" + varint(len(items))
    return bytes([delta << 4 | 9]) + head + b"".join(items)


def tag(key, value):
    return text(1, key) + i32(1, 0) + text(1, value) + b"\0"


def span(number_, start_us=None):
    start_us = int(time.time() * 1e6) if start_us is None else start_us
    ids = i64(1, number_) + i64(1, 0) + i64(1, number_) + i64(1, 0)
    rest = i32(2, 1) + i64(1, start_us) + i64(1, 1000) + structs(1, [tag("k", "v" * 20)])
    return ids + text(1, "op") + rest + b"\0"


def emit_batch(service, first, count):
    """`count` spans, each a trace of its own, with the ids `first`, `first` + 1, ..."""
    process = text(1, service) + structs(1, [tag("hostname", "h")]) + b"\0"
    spans = structs(1, [span(first + i) for i in range(count)])
    return b"\x82\x81\x01\x09emitBatch" + b"\x1c\x1c" + process + spans + b"\0\0"
