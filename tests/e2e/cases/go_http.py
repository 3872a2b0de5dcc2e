"""Go's net/http as a server, and as a client of the next: what a handler asks for belongs to its request."""

from harness import Hop, load, score


def run(test):
    fronts = []
    for keep_alive in (True, False):
        last = test.relay()
        fronts.append((test.go(next=last + "/last", keep_alive=keep_alive) + "/stock", keep_alive))
    tracelet = test.tracelet()  # programs that are there are probed before it is ready
    traffic = []
    for url, keep_alive in fronts:
        traffic += load(url, [Hop("stock"), Hop("last", "goroutine")], keep_alive)
    score(tracelet.stop(), traffic)
