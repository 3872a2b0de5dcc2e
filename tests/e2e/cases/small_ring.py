"""A ring far too small, under load: events are lost, counted to the last one, and nothing that is shown is wrong."""

import signal
import threading

from harness import Hop, load, score


class Pauses(threading.Thread):
    """Stops a process for a twentieth of a second, four times a second: what comes meanwhile must fit the ring."""

    def __init__(self, process):
        super().__init__()
        self.process = process
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            self.process.send_signal(signal.SIGSTOP)
            self.over.wait(0.05)
            self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.over.set()
        self.join()


def run(test):
    last = test.relay()
    front = test.relay(next=last + "/last", keep_alive=True)
    tracelet = test.tracelet("--netns", "/proc/self/ns/net", "--ring-bytes", "4096")
    pauses = Pauses(tracelet.process)
    pauses.start()
    hops = [Hop("front"), Hop("last", "thread")]
    traffic = [*load(front + "/front", hops, keep_alive=True), *load(front + "/front", hops, keep_alive=False)]
    pauses.end()
    spans = tracelet.stop()  # and the ledgers hold
    kernel = tracelet.balanced()
    asked = 4 * sum(len(one.ids) for one in traffic)
    print(f"lost {kernel['ring_full']} of {kernel['attempted']} events; {len(spans)} of {asked} spans")
    assert kernel["ring_full"] > 100, "nothing was lost: this shows nothing"
    score(spans, traffic, lossy=True)
