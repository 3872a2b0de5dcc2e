"""Go's crypto/tls in a static, stripped program: its server and its client, over HTTP/1.1 and HTTP/2."""

from harness import Hop, load, score

LEVELS = {1: 10, 10: 60, 100: 100}
WAYS = {"direct": [("", "goroutine")], "fan": [("-1", "either"), ("-2", "either"), ("-3", "either")]}


def run(test):
    directory = test.directory / "tls"
    directory.mkdir()
    test.certify(directory)
    last = test.goroutines("answer", tls=directory)
    fronts = []
    for way, calls in WAYS.items():
        for keep_alive, http2 in ((True, False), (False, False), (True, True)):
            front = test.goroutines(way, tls=directory, http2=http2, next=last + "/last", keep_alive=keep_alive)
            # More records in one read than are remembered: it is not known where in them a request began.
            arrives = "sequence or no_evidence" if http2 else "sequence"
            hops = [Hop(way), *(Hop("last" + suffix, link, way, arrives) for suffix, link in calls)]
            fronts.append((f"{front}/{way}", hops, keep_alive))
    tracelet = test.tracelet()  # programs that are there are probed before it is ready
    traffic = []
    for url, hops, keep_alive in fronts:  # the highest load finds no connections: its calls wait until there are some
        traffic += load(url, hops, keep_alive, dict(reversed(LEVELS.items())))
    spans = tracelet.stop()
    score(spans, traffic)
    assert {(span["url.scheme"] or span["url.full"].partition(":")[0]) for span in spans} == {"https"}
    versions = {span["network.protocol.version"] for span in spans}
    assert versions == {"1.1", "2"}, versions
    waited = [span for span in spans if span["network.protocol.version"] == "2" and span.refused == "queue"]
    assert not waited, waited  # for a connection, as HTTP/1.1's calls do
