"""Random and broken datagrams: memory stays flat, neighbours are unharmed, counters exact, one line in the log."""

import itertools
import os
import random
import time

from harness import Agent, emit_batch, sender, until

TOTAL = int(os.environ.get("GARBAGE_BYTES", 100 << 20))  # by hand with 1 GB
PORTS = {5775: ("zipkin", "compact"), 6831: ("jaeger", "compact"), 6832: ("jaeger", "binary")}
FIRST = 1 << 50  # id, far from those of the broken ones
GOOD_EVERY = 100 * max(1, TOTAL >> 28)  # rounds of one datagram per port; Jaeger shows 5,000 traces
WAIT_EVERY = 30  # rounds; without rights the sockets are small


def run(test):
    jaeger = test.jaeger()
    agent = Agent(test, flags=[f"--reporter.grpc.host-port={jaeger.address('grpc')}"])
    until(agent.ready, "the agent is not ready")
    udp = {port: sender(port) for port in PORTS}
    dice = random.Random(1)
    noise = dice.randbytes(1 << 20)
    base = emit_batch("good", 1, 5)

    def broken():
        """Random bytes, or a batch with some bytes changed or missing."""
        if dice.random() < 0.3:
            size = dice.choice((0, 1, 20, 400, 1400, 9000, 65000))
            begin = dice.randrange(len(noise) - size)
            return noise[begin : begin + size]
        if dice.random() < 0.2:
            return base[: dice.randrange(len(base))]
        changed = bytearray(base)
        for _ in range(dice.randrange(1, 4)):
            changed[dice.randrange(12, len(changed))] = dice.randrange(256)
        return bytes(changed)

    sent = good = 0

    def send(budget):
        nonlocal sent, good
        for turn in itertools.count():
            for port in PORTS:
                datagram = broken()
                udp[port].send(datagram)
                budget -= len(datagram)
            sent += len(PORTS)
            if turn % GOOD_EVERY == 0:
                udp[6831].send(emit_batch("neighbour", FIRST + good, 5))
                good, sent = good + 5, sent + 1
            if turn % WAIT_EVERY == 0 or budget <= 0:
                until(lambda: received(agent) == sent, "datagrams are not received")
            if budget <= 0:
                time.sleep(3)  # what the queue took goes back
                return agent.memory_kb()[0]

    begin = time.monotonic()
    before = send(TOTAL // 10)
    after = send(TOTAL)
    seconds = time.monotonic() - begin
    peak = agent.memory_kb()[1]

    metrics = agent.metrics()
    for model, protocol in PORTS.values():
        labels = f'{{model="{model}",protocol="{protocol}"}}'
        assert metrics[f"jaeger_agent_thrift_udp_server_packets_dropped_total{labels}"] == 0, labels
    submitted = metrics['jaeger_agent_reporter_spans_submitted_total{format="jaeger",protocol="grpc"}']
    until(lambda: agent.ledger("jaeger")["held"] == 0, "spans wait")
    ledger = agent.ledger("jaeger")
    assert ledger["accepted"] == submitted and ledger["dropped"] == 0, (ledger, submitted)
    found = sum(1 for span in jaeger.spans("neighbour").values() if span.service == "neighbour")
    assert found == good, f"{found} of {good} spans of the neighbour"
    assert after < before + 4096, f"RSS grew from {before} to {after} kB"
    assert peak < 40960, f"{peak} kB at most"
    log = agent.log()
    lines = log.count("cannot be used")
    allowed = len(PORTS) * (2 + seconds // 10)
    assert 1 <= lines <= allowed, f"{lines} lines:\n{log}"
    print(f"{sent} datagrams in {seconds:.1f} s; RSS {before} -> {after} kB, peak {peak}; {lines} log lines")


def received(agent):
    metrics = agent.metrics()
    name = "jaeger_agent_thrift_udp_server_packets_processed_total"
    return sum(metrics[f'{name}{{model="{model}",protocol="{protocol}"}}'] for model, protocol in PORTS.values())
