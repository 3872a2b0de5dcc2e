"""Calls made by another thread than the request's, or for another request: refused, never wrong. Coroutines and the jobs
of executors: linked."""

import time

from harness import Hop, load, score
from harness.test import APPS, PYTHON


def run(test):
    tracelet = test.tracelet()
    last = test.relay()
    traffic = []
    for way, link in {"pool": "handover", "dispatcher": "refused", "loop": "python"}.items():
        front = test.serve([PYTHON, APPS / "handover.py"], next=last + "/last", environment={"HAND_OVER": way})
        keep_alive = way != "dispatcher"
        traffic += load(front + f"/{way}", [Hop(way), Hop("last", link)], keep_alive)
    time.sleep(0.3)  # for the last call's close(): `loop` does not read its whole answer
    score(tracelet.stop(), traffic)
    # Linked by its thread where that took its own job by chance, until one answers what another has read.
    tracelet = test.tracelet()
    front = test.serve([PYTHON, APPS / "handover.py"], next=last + "/last", environment={"HAND_OVER": "handed_on"})
    traffic = load(front + "/handed_on", [Hop("handed_on"), Hop("last", "either")], False, {100: 600})
    score(tracelet.stop(), traffic)
    for way in ("after", "pool_left"):
        after_the_answer(test, last, way)


def after_the_answer(test, last, way):
    """The call comes on the thread of a request that is over, or of one that did not cause it; or in its job."""
    tracelet = test.tracelet()
    front = test.serve([PYTHON, APPS / "handover.py"], next=last + "/last", environment={"HAND_OVER": way})
    traffic = load(front + f"/{way}", [Hop(way)], keep_alive=True)
    spans = tracelet.stop()
    called = [span for span in spans if span.path.startswith("/last/")]
    assert len(called) > 200, f"{len(called)} calls"
    wrong = [span for span in called if span.kind == "client" and span.has_parent()]
    assert not wrong, f"{len(wrong)} calls are linked to a request that did not cause them: {wrong[:2]}"
    score([span for span in spans if span not in called], traffic)
