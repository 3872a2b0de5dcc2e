"""Go's net/http as a server, and as a client of the next: goroutines share threads, so its calls are refused."""

from harness import Hop, load, score


def run(test):
    tracelet = test.tracelet()
    traffic = []
    for keep_alive in (True, False):
        last = test.relay()
        stock = test.go(next=last + "/last", keep_alive=keep_alive)
        traffic += load(stock + "/stock", [Hop("stock"), Hop("last", "refused")], keep_alive)
    score(tracelet.stop(), traffic)
