"""A ring far too small, under load: events are lost, counted to the last one, and nothing that is shown is wrong."""

from harness import Hop, load, score


def run(test):
    last = test.relay()
    front = test.relay(next=last + "/last", keep_alive=True)
    tracelet = test.tracelet("--netns", "/proc/self/ns/net", "--ring-bytes", "4096")
    hops = [Hop("front"), Hop("last", "thread")]
    traffic = [*load(front + "/front", hops, keep_alive=True), *load(front + "/front", hops, keep_alive=False)]
    spans = tracelet.stop()  # and the ledgers hold
    kernel = tracelet.balanced()
    asked = 4 * sum(len(one.ids) for one in traffic)
    print(f"lost {kernel['ring_full']} of {kernel['attempted']} events; {len(spans)} of {asked} spans")
    assert kernel["ring_full"] > 100, "nothing was lost: this shows nothing"
    score(spans, traffic, lossy=True)
