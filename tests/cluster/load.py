"""Requests to the front end, from a pod: load.py URL REQUESTS CONCURRENCY [SECONDS]. Prints what came of them, as JSON."""

import collections
import http.client
import json
import sys
import threading
import time
import urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
requests, concurrency = int(sys.argv[2]), int(sys.argv[3])
end = time.monotonic() + float(sys.argv[4]) if len(sys.argv) > 4 else None
left = iter(range(requests)) if end is None else iter(lambda: time.monotonic() < end, False)
lock = threading.Lock()
outcomes = collections.Counter()


def one():
    with lock:
        return next(left, None)


def work(number):
    connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=20)
    count = 0
    while one() is not None:
        count += 1
        try:
            connection.request("POST", f"{url.path}/{number}x{count}", b'{"a": 1}', {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            outcome = answer.status
        except OSError as error:
            outcome = type(error).__name__
            connection.close()
        with lock:
            outcomes[outcome] += 1


began = time.monotonic()
threads = [threading.Thread(target=work, args=(number,)) for number in range(concurrency)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"outcomes": outcomes, "seconds": round(time.monotonic() - began, 2)}))
