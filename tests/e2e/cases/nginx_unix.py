"""nginx asks gunicorn over a Unix socket: the two ends are one request all the same."""

from harness import Hop, load_through_nginx, score


def run(test):
    tracelet = test.tracelet()
    last = test.relay()
    traffic = []
    for worker, keep_alive in (("sync", False), ("gthread", True)):
        app = test.gunicorn(bind=test.directory / f"{worker}.sock", worker=worker, next=last + "/last")
        front = test.nginx(app, keep_alive)
        hops = [Hop("proxy"), Hop("wsgi", "loop"), Hop("last", "thread")]
        traffic += load_through_nginx(front + "/proxy", hops, keep_alive)
    score(tracelet.stop(), traffic)
