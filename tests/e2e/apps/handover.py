"""Servers whose calls are made by somebody else than the thread that read the request. POST /HOP/ID asks NEXT/ID.

HAND_OVER=pool: the request's thread waits for a worker of a small pool, which makes the call.
HAND_OVER=pool_map: likewise, three jobs for each request.
HAND_OVER=pool_left: the worker's job is to take one out of a list, which may be an earlier request's.
HAND_OVER=dispatcher: one thread reads every request and puts it in a queue; workers call and answer.
HAND_OVER=handed_on: the threads of one pool read requests, and make the calls of others' requests and answer those.
HAND_OVER=loop: one asyncio event loop does everything; uvloop's with LOOP=uvloop.
HAND_OVER=after: the request's thread answers first, then calls for a job that another request left behind."""

import asyncio
import collections
import http.client
import json
import os
import queue
import socket
import sys
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

NEXT = urllib.parse.urlsplit(os.environ["NEXT"])
ADDRESS = ("127.0.0.1", int(os.environ["PORT"]))


def ask_next(order):
    connection = http.client.HTTPConnection(NEXT.netloc)
    connection.request("POST", f"{NEXT.path}/{order}", b"{}", {"Connection": "close"})
    connection.getresponse().read()
    connection.close()


def parse(head):
    """(id, bytes of the body that follows)"""
    lines = head.decode().split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:")]
    return lines[0].split(" ")[1].rpartition("/")[2], lengths[0] if lengths else 0


def reply(order):
    body = json.dumps({"id": order}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def requests_on(connection):
    """Ids of the requests of a blocking connection, until it ends."""
    stream = connection.makefile("rb")
    while first := stream.readline():
        head = first
        while line := stream.readline().strip():
            head += line + b"\r\n"
        order, length = parse(head)
        stream.read(length)
        yield order


def serve_in_threads(handle):
    def work(connection):
        with connection:
            for order in requests_on(connection):
                handle(connection, order)

    listener = socket.create_server(ADDRESS, backlog=1024)
    while True:
        threading.Thread(target=work, args=(listener.accept()[0],), daemon=True).start()


def pool():
    workers = ThreadPoolExecutor(4)

    def handle(connection, order):
        workers.submit(ask_next, order).result()
        connection.sendall(reply(order))

    serve_in_threads(handle)


def pool_map():
    workers = ThreadPoolExecutor(4)

    def handle(connection, order):
        list(workers.map(lambda job: job(), [lambda: time.sleep(0.002), lambda: ask_next(order), lambda: time.sleep(0.001)]))
        connection.sendall(reply(order))

    serve_in_threads(handle)


def pool_left():
    workers = ThreadPoolExecutor(4)
    left_behind = collections.deque()

    def handle(connection, order):
        left_behind.append(order)
        connection.sendall(reply(order))
        workers.submit(lambda: ask_next(left_behind.popleft()))

    serve_in_threads(handle)


def after():
    left_behind = collections.deque()

    def handle(connection, order):
        connection.sendall(reply(order))
        left_behind.append(order)
        if len(left_behind) > 3:
            ask_next(left_behind.popleft())

    serve_in_threads(handle)


def dispatcher():
    jobs = queue.Queue()

    def work():
        while True:
            connection, order = jobs.get()
            ask_next(order)
            connection.sendall(reply(order))
            connection.close()

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    listener = socket.create_server(ADDRESS, backlog=1024)
    while True:
        connection = listener.accept()[0]
        order = next(requests_on(connection), None)
        if order:
            jobs.put((connection, order))


def handed_on():
    jobs = queue.Queue()

    def read(connection):
        order = next(requests_on(connection), None)
        if order:
            jobs.put((ask, connection, order))

    def ask(connection, order):
        ask_next(order)
        connection.sendall(reply(order))
        connection.close()

    def work():
        while True:
            job, *arguments = jobs.get()
            job(*arguments)

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    listener = socket.create_server(ADDRESS, backlog=1024)
    while True:
        jobs.put((read, listener.accept()[0]))


def loop():
    async def handle(reader, writer):
        try:
            while True:
                order, length = parse(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(length)
                upstream, call = await asyncio.open_connection(NEXT.hostname, NEXT.port)
                call.write(f"POST {NEXT.path}/{order} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
                await asyncio.sleep(0.001)
                await upstream.readuntil(b"\r\n\r\n")
                call.close()
                writer.write(reply(order))
        except asyncio.IncompleteReadError:
            writer.close()

    async def serve():
        server = await asyncio.start_server(handle, *ADDRESS, backlog=1024)
        await server.serve_forever()

    if os.environ.get("LOOP") == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve())


getattr(sys.modules[__name__], os.environ["HAND_OVER"])()
