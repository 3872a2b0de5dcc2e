"""Requests that carry an id of their own through all hops: the truth that the spans
are compared with. The id is the last segment of the path, where no link rule looks."""

import http.client
import itertools
import json
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field, replace

LEVELS = {1: 50, 10: 300, 100: 600}  # concurrency: requests
numbers = itertools.count(1)


@dataclass
class Hop:
    """One call of a chain: /NAME/ID. `link` says how the call must be tied to the
    request that caused it: "thread" (or another rule: all must be right), "refused"
    (no parent, and the reason), "either" of the two, "root" (nothing caused it). `caller` names the hop
    that made the call; by default the one before. `arrives`: the rule that ties the request to the call, or "peer or NAME":
    by that refusal it may have none."""

    name: str
    link: str = "refused"
    caller: str = ""
    arrives: str = "sequence"


@dataclass
class Traffic:
    label: str
    hops: list
    ids: list = field(default_factory=list)


def load(url, hops, keep_alive, levels=LEVELS):
    """POSTs to URL/ID at every level of concurrency. Every answer must be right: tracing harms nobody."""
    return [run(url, hops, keep_alive, concurrency, requests) for concurrency, requests in levels.items()]


def load_through_nginx(url, hops, keep_alive, levels=LEVELS):
    """As load(). By its first call nginx shows that it makes any; that one is linked only if another nginx did before."""
    first, called, *rest = hops
    traffic = load(url, [first, replace(called, link="either"), *rest], keep_alive, {1: 1})
    time.sleep(0.5)
    return traffic + load(url, hops, keep_alive, levels)


def run(url, hops, keep_alive, concurrency, requests):
    word = "keep-alive" if keep_alive else "close"
    traffic = Traffic(f"{concurrency} x {word}", [replace(hops[0], link="root"), *hops[1:]])
    traffic.ids = [f"{next(numbers):x}-{concurrency}-{word[0]}" for _ in range(requests)]
    waiting = iter(traffic.ids)
    lock = threading.Lock()
    failures = []

    def worker():
        connection = None
        while True:
            with lock:
                order = next(waiting, None)
            if order is None or failures:
                break
            connection = connection or connect(urllib.parse.urlsplit(url))
            try:
                ask(connection, urllib.parse.urlsplit(url).path, order, word)
            except Exception as error:  # noqa: BLE001  whatever it is, the request was harmed
                failures.append(f"{url}/{order}: {error!r}")
            if not keep_alive:
                connection.close()
                connection = None
        if connection:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    return traffic


def connect(url):
    if url.scheme == "https":
        return http.client.HTTPSConnection(url.netloc, timeout=60, context=ssl._create_unverified_context())
    return http.client.HTTPConnection(url.netloc, timeout=60)


def ask(connection, path, order, word):
    connection.request(
        "POST", f"{path}/{order}", json.dumps({"id": order}), {"Content-Type": "application/json", "Connection": word}
    )
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, f"{response.status} {body[:200]}"
    answer = json.loads(body)
    assert answer["id"] == order, f"answer for {answer['id']}"
