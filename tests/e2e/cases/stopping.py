"""SIGINT and SIGTERM end tracelet in time, under load and with connections open, and every span is written."""

import signal
import socket
import threading
import time

from harness import Hop, load, score

SECONDS = 4  # one of them is the time for which spans are held


def run(test):
    last = test.relay()
    front = test.relay(next=last + "/last")
    for by in (signal.SIGINT, signal.SIGTERM):
        tracelet = test.tracelet()
        open_connections = [socket.create_connection(("127.0.0.1", int(last.rpartition(":")[2]))) for _ in range(50)]
        traffic = load(front + "/front", [Hop("front"), Hop("last", "thread")], False, {10: 200})
        start = time.monotonic()
        spans = tracelet.stop(by)
        took = time.monotonic() - start
        print(f"{by.name}: {took:.1f} s")
        assert took < SECONDS, f"{by.name} took {took:.1f} s"
        score(spans, traffic)
        for connection in open_connections:
            connection.close()
    under_load(test, front)


def under_load(test, front):
    tracelet = test.tracelet()
    background = threading.Thread(target=load, args=(front + "/front", [Hop("front")], True, {10: 2000}))
    background.start()
    time.sleep(0.5)
    start = time.monotonic()
    assert tracelet.stop(), "no spans"
    took = time.monotonic() - start
    assert background.is_alive(), "the load ended first: this shows nothing"
    background.join()
    print(f"SIGINT under load: {took:.1f} s")
    assert took < SECONDS, f"SIGINT took {took:.1f} s"
