"""Express + axios asks Flask + requests asks Spring Boot: three languages, nothing instrumented."""

from harness import Hop, load, score


def run(test):
    tracelet = test.tracelet()
    orders = test.spring()
    traffic = []
    for keep_alive in (True, False):
        prices = test.flask(next=orders + "/orders", keep_alive=keep_alive)
        checkout = test.express(next=prices + "/prices", keep_alive=keep_alive)
        hops = [Hop("checkout"), Hop("prices", "loop"), Hop("orders", "thread")]
        traffic += load(checkout + "/checkout", hops, keep_alive)
    score(tracelet.stop(), traffic)
