"""HAProxy in the ways in which its streams wait, or are given another connection: right, or refused; never wrong."""

import json
import socket
import time

from harness import Hop, load, score
from harness.load import Traffic, numbers

LESS = {1: 20, 10: 100, 100: 200}
HOPS = [Hop("haproxy"), Hop("last", "loop")]
# Each thread's first stream shows that there are any.
FIRST = [Hop("haproxy"), Hop("last", "either")]

WAYS = {
    "shared connections": {"option": "http-reuse always"},
    "connections of its own": {"option": "http-reuse never"},
    "new connections": {"option": "option http-server-close"},
    "whole bodies first": {"option": "option http-buffer-request"},
    "a queue": {"server": "maxconn 2"},
    "checks all the time": {"option": "option httpchk GET /check\n  http-check expect rstatus .*", "server": "check inter 5ms fall 10000"},
}


def pipelined(test, url, count=30):
    """Three requests in one write: HAProxy begins two of them without reading anything. Read byte by byte: of answers
    that one read brings together only the first one's head is seen."""
    port = int(url.rpartition(":")[2])
    traffic = Traffic("pipelined", [Hop("haproxy", "root"), Hop("last", "either")])
    for _ in range(count):
        ids = [f"{next(numbers):x}-p" for _ in range(3)]
        traffic.ids += ids
        requests = ""
        for one, word in zip(ids, ("keep-alive", "keep-alive", "close")):
            body = json.dumps({"id": one})
            head = f"POST /haproxy/{one} HTTP/1.1\r\nHost: h\r\nConnection: {word}\r\nContent-Length: {len(body)}"
            requests += f"{head}\r\n\r\n{body}"
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(10)
            connection.sendall(requests.encode())
            answers = b"".join(iter(lambda: connection.recv(1), b""))
        assert all(one.encode() in answers for one in ids), answers
    return traffic


def run(test):
    tracelet = test.tracelet()
    last = test.node_answers()
    upstream = last.removeprefix("http://")
    traffic = []
    for way in WAYS.values():
        url = test.haproxy(upstream, **way)
        traffic += load(url + "/haproxy", FIRST, True, {1: 2})
        for keep_alive in (True, False):
            traffic += load(url + "/haproxy", HOPS, keep_alive, LESS)
        traffic.append(pipelined(test, url))
    url = test.haproxy(upstream, threads=2)
    traffic += load(url + "/haproxy", FIRST, False, LESS)
    time.sleep(0.3)
    spans = tracelet.stop()
    checks = [span for span in spans if span.path == "/check"]
    calls = [span for span in checks if span.kind == "client"]
    assert len(calls) > 100, f"{len(calls)} checks"
    linked = [span for span in calls if span.has_parent()]
    assert not linked, f"{len(linked)} checks are linked to a request: {linked[:2]}"
    score([span for span in spans if span not in checks], traffic)
