"""Thread-per-request Python calls thread-per-request Python: every request is one trace."""

from harness import Hop, load, score


def run(test):
    tracelet = test.tracelet()
    traffic = []
    for keep_alive in (True, False):
        last = test.relay()
        middle = test.relay(next=last + "/last", keep_alive=keep_alive)
        front = test.relay(next=middle + "/middle", keep_alive=keep_alive)
        hops = [Hop("front"), Hop("middle", "thread"), Hop("last", "thread")]
        traffic += load(front + "/front", hops, keep_alive)
    score(tracelet.stop(), traffic)
