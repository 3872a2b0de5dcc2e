"""kill -9 under load: no request is lost, nothing stays in the kernel, and a new start adopts the connections."""

import http.client
import pathlib
import re
import subprocess
import threading
import time
import urllib.parse

from harness import Hop, score, until
from harness.load import Traffic, ask

SECONDS = 1.5  # of load before and after each event
HOPS = [Hop("front", "root"), Hop("last", "either")]


def run(test):
    last = test.relay()
    front = test.relay(next=last + "/last", keep_alive=True)
    with Load(front + "/front") as load:
        first = test.tracelet()
        load.goes_on()
        held = objects_of(first.process.pid)
        assert held["prog"] and held["map"], f"no BPF programs found in {held}"
        first.process.kill()
        first.process.wait()
        assert list(first.spans()), "nothing was traced before the kill"
        until(lambda: not still_there(held), f"BPF objects outlive the process: {held}")
        load.goes_on()
        second = test.tracelet()
        ready = time.monotonic()
        load.goes_on()
        stopped = time.monotonic()
        spans = second.stop()
        load.goes_on()
    assert not load.failures, load.failures
    inside = {order for order, begin, end in load.done if ready < begin and end < stopped}
    inside -= first_of_each_connection(inside)
    assert len(inside) > 100, f"only {len(inside)} requests while tracelet ran"
    whole = [span for span in spans if span.path.rpartition("/")[2] in inside]
    score(whole, [Traffic("adopted", HOPS, sorted(inside))])
    cut = [span for span in spans if span.path.rpartition("/")[2] not in inside]
    score(cut, [Traffic("at the edges", HOPS, [order for order, *_ in load.done if order not in inside])], lossy=True)


def first_of_each_connection(orders):
    """Seen from the middle of an answer: whether one more is owed cannot be known, so it is not claimed."""
    first = {}
    for order in orders:
        number, count = map(int, order.split("-"))
        first[number] = min(count, first.get(number, count))
    return {f"{number}-{count}" for number, count in first.items()}


class Load:
    """Ten connections that live as long as the load; every request must be answered, tracelet or not."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.stopping = False
        self.done = []  # (id, begin, end) by time.monotonic()
        self.failures = []
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(10)]

    def work(self, number):
        connection = http.client.HTTPConnection(self.url.netloc, timeout=30)
        connection.connect()
        connection.auto_open = False  # a connection that is lost is a failure
        count = 0
        try:
            while not self.stopping:
                order, begin = f"{number}-{count}", time.monotonic()
                ask(connection, self.url.path, order, "keep-alive")
                self.done.append((order, begin, time.monotonic()))
                count += 1
        except Exception as error:  # noqa: BLE001
            self.failures.append(repr(error))
        connection.close()

    def goes_on(self):
        before = len(self.done)
        time.sleep(SECONDS)
        assert len(self.done) > before and not self.failures, f"the load stands still: {self.failures}"

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def objects_of(pid):
    """Ids of the BPF objects that a process holds, as its file descriptors tell."""
    text = ""
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        text += info.read_text()
    return {kind: set(re.findall(rf"^{kind}_id:\s*(\d+)", text, re.MULTILINE)) for kind in ("prog", "map", "link")}


def still_there(held):
    """Those of them that the kernel still knows. It frees them a moment after the process is gone."""
    return [
        (kind, number)
        for kind, numbers in held.items()
        for number in numbers
        if subprocess.run(["bpftool", kind, "show", "id", number], capture_output=True, check=False).returncode == 0
    ]
