"""Real traffic, recorded, then replayed with records lost, doubled, in another order or cut off: fewer links, none wrong."""

import random
import struct
import subprocess

from harness import Hop, load, score
from harness.test import APPS, PYTHON, PYTHON_ASYNC
from harness.tracelet import Span

# agent/source/recording.h, bpf/events.h
HEADER, RECORD, EVENT = 160, struct.Struct("<II"), 1
KIND, TID = struct.Struct("<H"), struct.Struct("<I")
DATA, RECEIVED = 1, 0
AT_KIND, AT_TID, AT_CONNECTION, AT_DIRECTION = 12, 20, 48, 88
LEVELS = {10: 60}
ROUNDS = 12


def run(test):
    recording = test.directory / "recording"
    tracelet = test.tracelet("--netns", "/proc/self/ns/net", "--record", recording)
    last = test.node_answers()
    server = [PYTHON_ASYNC, APPS / "python_async/server.py"]
    fronts = {
        "pool": test.serve([PYTHON, APPS / "handover.py"], next=last + "/last", environment={"HAND_OVER": "pool"}),
        "uvloop": test.serve(server, next=last + "/last", environment={"SERVER": "uvicorn", "LOOP": "uvloop"}),
        "node": test.serve(["node", APPS / "loops.js"], next=last + "/last", environment={"WAY": "http", "OTHER": last}),
        "to_thread": test.serve(server, next=last + "/last", environment={"WAY": "to_thread"}),
        "go": test.goroutines("two_levels", next=last + "/last"),
    }
    traffic = []
    for name, front in fronts.items():
        traffic += load(f"{front}/{name}", [Hop(name)], True, LEVELS)
    whole = tracelet.stop()
    expected = links(whole)
    header, records = parse(recording.read_bytes())
    assert links(replay(test, header, records)) == expected
    assert expected >= len(traffic[0].ids) * len(fronts), f"{expected} calls are linked"
    print(f"{len(records)} records, {expected} calls linked")
    for name, damage in DAMAGES.items():
        found = [links(replay(test, header, damage(records, random.Random(seed)))) for seed in range(ROUNDS)]
        print(f"{name:<10} {min(found)} to {max(found)} linked, none wrong")
        assert max(found) > 0, f"nothing is linked when records are {name}"


def links(spans):
    """How many calls are linked to the request with their id; the others must have no parent."""
    served = {span.span_id: span for span in spans if span.kind == "server"}
    count = 0
    for call in (span for span in spans if span.kind == "client" and span.path.startswith("/last")):
        parent = served.get(call.parent)
        order = call.path.split("/")[2]
        assert parent is None or order.startswith(parent.path.split("/")[2]), f"WRONG: {call} of {parent}"
        count += parent is not None
    return count


def parse(data):
    records, at = [], HEADER
    while at < len(data):
        size, kind = RECORD.unpack_from(data, at)
        records.append((kind, data[at + RECORD.size : at + RECORD.size + size]))
        at += RECORD.size + size
    return data[:HEADER], records


def replay(test, header, records):
    path = test.directory / "damaged"
    path.write_bytes(header + b"".join(RECORD.pack(len(content), kind) + content for kind, content in records))
    done = subprocess.run([test.binary, "replay", "--format", "json", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "cut" in done.stderr or "end" in done.stderr, done.stderr
    return [Span(line) for line in done.stdout.splitlines()]


def lost(records, chance):
    share = chance.choice((0.01, 0.05, 0.2))
    return [record for record in records if record[0] != EVENT or chance.random() > share]


def answers(records, chance):
    """An answer and the next request on its connection, here and there: the request before seems to be open still."""
    gone, answered = set(), {}
    for at, (kind, record) in enumerate(records):
        if kind != EVENT or KIND.unpack_from(record, AT_KIND)[0] != DATA:
            continue
        end = record[AT_CONNECTION : AT_CONNECTION + 16]
        if record[AT_DIRECTION] != RECEIVED:
            answered[end] = at
        elif end in answered and chance.random() < 0.3:
            gone |= {answered.pop(end), at}
    return [record for at, record in enumerate(records) if at not in gone]


def doubled(records, chance):
    return [again for record in records for again in [record] * (2 if record[0] == EVENT and chance.random() < 0.05 else 1)]


def swapped(records, chance):
    """Neighbours of different threads, as if their rings were read in another order."""
    records = list(records)
    for at in range(len(records) - 1):
        (kind, one), (other_kind, other) = records[at : at + 2]
        if kind == other_kind == EVENT and TID.unpack_from(one, AT_TID) != TID.unpack_from(other, AT_TID):
            if chance.random() < 0.1:
                records[at], records[at + 1] = records[at + 1], records[at]
    return records


def cut(records, chance):
    """Begun and ended at any point: what was there before is not known."""
    begin, end = sorted(chance.sample(range(len(records)), 2))
    return [record for at, record in enumerate(records) if record[0] != EVENT or begin <= at < end]


DAMAGES = {"lost": lost, "answers": answers, "doubled": doubled, "swapped": swapped, "cut": cut}
