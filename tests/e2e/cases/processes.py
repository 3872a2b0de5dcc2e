"""Who it was: short-lived clients are named from their first request, two processes share a listening socket."""

import json
import os
import socket
import subprocess

CLIENTS = 30


def run(test):
    tracelet = test.tracelet()
    served_by = curl_calls_go(test)
    prefork = two_processes(test)
    spans = tracelet.stop()
    check_curl(spans, served_by)
    check_prefork(spans, prefork)
    expected = 2 * (CLIENTS + len(prefork))
    assert len(spans) == expected, f"{len(spans)} spans, not {expected}"


def curl_calls_go(test):
    """Each by a shell that forks and execs; returns {path: pid of curl}."""
    url = test.go()
    pids = {}
    for number in range(CLIENTS):
        path = f"/stock/curl-{number}"
        # exec: the pid is the one that the shell had when it was still a shell
        curl = subprocess.Popen(["/bin/sh", "-c", f"exec curl -sS {url}{path}"], stdout=subprocess.PIPE)
        assert json.loads(curl.communicate()[0])["via"] == "stock"
        pids[path] = curl.pid
    return pids


def check_curl(spans, pids):
    for path, pid in pids.items():
        client, server = sorted((span for span in spans if span.path == path), key=lambda span: span.kind)
        assert client.kind == "client" and client.service == "curl" and client.pid == pid, client
        assert (client["http.request.method"], client["http.response.status_code"]) == ("GET", 200), client
        assert server.parent == client.span_id and server.trace_id == client.trace_id, f"{server} of {client}"
        assert server.kind == "server" and server.service == "server", server
        assert str(client["user_agent.original"] or "curl").startswith("curl"), client


def two_processes(test):
    """Returns {path: pid that answered}."""
    listener = socket.create_server(("127.0.0.1", test.port()), backlog=64)
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            answer_for_ever(listener)
        children.append(child)
    answered = {}
    try:
        for number in range(40):
            path = f"/prefork/{number}"
            with socket.create_connection(listener.getsockname()) as client:
                client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
                reply = b""
                while piece := client.recv(4096):
                    reply += piece
            answered[path] = int(reply.split(b"\r\n\r\n")[1])
    finally:
        for child in children:
            os.kill(child, 15)
            os.waitpid(child, 0)
    assert set(answered.values()) == set(children), "one of the two answered everything: nothing was shown"
    return answered


def answer_for_ever(listener):
    while True:
        server = listener.accept()[0]
        server.recv(4096)
        body = str(os.getpid()).encode()
        server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        server.close()


def check_prefork(spans, answered):
    for path, pid in answered.items():
        client, server = sorted((span for span in spans if span.path == path), key=lambda span: span.kind)
        assert (server.pid, client.pid) == (pid, os.getpid()), f"{server} of {client}"
        assert server.parent == client.span_id, f"{server} of {client}"
