"""What a case of the proving ground is (tests/e2e/truths): an application that is asked over HTTP and asks the next
one, with an id in the bodies where no rule looks; and how its links are counted."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Callable

from harness.load import Hop, load, load_through_nginx
from harness.score import Book

LEVELS = {1: 50, 10: 300, 100: 600}  # concurrency: requests


@dataclass
class Case:
    """`start(test, next)` starts the application, which asks POST NEXT/ID for each POST /HOP/ID, and returns its
    address. `keep_alive`: of the connections to it."""

    runtime: str
    application: str
    start: Callable
    hop: str = "front"
    call: str = "last"  # the next one's hop
    suffix: str = ""  # of its id
    keep_alive: bool = True


def measure(case, test):
    """{concurrency: Counter of right, refused, wrong, rules and reasons}"""
    tracelet = test.tracelet()
    last = test.node_answers()
    front = case.start(test, last + "/last")
    hops = [Hop(case.hop), Hop(case.call, "either")]
    traffics = (load_through_nginx if case.runtime == "nginx" else load)(
        f"{front}/{case.hop}", hops, case.keep_alive, LEVELS
    )[-len(LEVELS) :]
    time.sleep(0.3)  # for what is called late
    book = Book(tracelet.stop(), lossy=False)
    return {concurrency: count(book, case, traffic) for concurrency, traffic in zip(LEVELS, traffics)}


def count(book, case, traffic):
    counts = Counter()
    for order in traffic.ids:
        call = book.one(f"/{case.call}/{order}{case.suffix}", "client")
        server = next(iter(book.by_request.get((f"/{case.hop}/{order}", "server"), [])), None)
        if call is None or server is None:
            counts["missing"] += 1
        elif not call.has_parent():
            counts["refused"] += 1
            counts["because " + (call.refused or "nothing")] += 1
        else:
            true = (call.parent, call.trace_id) == (server.span_id, server.trace_id)
            counts["right" if true else "wrong"] += 1
            counts["by " + call.link] += 1
    return counts
