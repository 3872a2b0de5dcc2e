"""Go: handlers, goroutines that they start, pools of them. Right, or refused; never wrong.

TRACELET_TRUTH=1: at full load."""

import os

from harness import Hop, load, score
from harness.load import LEVELS

LESS = {1: 10, 10: 60, 100: 150}

# The calls that each way makes, and how they must be tied to its request. A child that is stopped while it makes its
# call may be refused: MOST of them must be right.
WAYS = {
    "direct": [("", "goroutine")],
    "twice": [("-1", "goroutine"), ("-2", "goroutine")],
    "child": [("", "either")],
    "fan": [("-1", "either"), ("-2", "either"), ("-3", "either")],
    "two_levels": [("-1", "either"), ("-2", "either")],
    "slow_child": [("-1", "either"), ("-2", "either")],
    "workers": [("", "refused")],
    "lazy_workers": [("", "refused")],
    "lazy_selecting": [("", "refused")],
    "lazy_buffered": [("", "refused")],
    "lazy_fan": [("-1", "refused"), ("-2", "refused"), ("-3", "refused")],
}

CHILDREN = ("child", "fan", "two_levels")
MOST = 0.99


def run(test):
    levels = LEVELS if os.environ.get("TRACELET_TRUTH") else LESS
    last = test.goroutines("answer")
    fronts = []
    for way, calls in WAYS.items():
        for keep_alive in (True, False) if way in ("direct", "fan") else (True,):
            front = test.goroutines(way, next=last + "/last", keep_alive=keep_alive)
            hops = [Hop(way), *(Hop("last" + suffix, link, way) for suffix, link in calls)]
            fronts.append((f"{front}/{way}", hops, keep_alive))
    tracelet = test.tracelet()  # programs that are there are probed before it is ready
    traffic = []
    for url, hops, keep_alive in fronts:  # a pool is started at the highest load, when others' jobs are in its queue
        traffic += load(url, hops, keep_alive, dict(reversed(levels.items())))
    spans = tracelet.stop()
    score(spans, traffic)
    parents = {span.span_id: span.path for span in spans}
    right = sum(1 for span in spans if parents.get(span.parent, "").split("/")[1:2] in [[way] for way in CHILDREN])
    asked = sum(len(one.ids) * (len(one.hops) - 1) for one in traffic if one.hops[0].name in CHILDREN)
    assert right >= MOST * asked, f"of {asked} calls of children only {right} are linked"
