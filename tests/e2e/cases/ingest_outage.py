"""Received spans, a real Jaeger down, hung, restarted: sent = delivered + counted; SIGTERM reads the kernel's backlog."""

import os
import signal
import time

from harness import Agent, closed, emit_batch, hang, sender, until

PAUSE = int(os.environ.get("OUTAGE_SECONDS", 3))  # by hand with 60
PACKETS, SPANS = 200, 5


def toml(jaeger, queue_bytes, port, buffer_bytes=8 << 20):
    return f"""
[source]
enabled = false
{closed("zipkin_compact", "jaeger_binary", "sampling")}
[ingest.jaeger_compact]
listen = "127.0.0.1:{port}"
receive_buffer_bytes = {buffer_bytes}
[exporter.jaeger]
endpoints = ["{jaeger.address("grpc")}"]
[exporter.jaeger.delivery]
timeout_ms = 1_000
max_backoff_ms = 1_000
batch_bytes = 65_536
queue_bytes = {queue_bytes}
"""


class Load:
    """Spans with ids of their own, of one service."""

    def __init__(self, service, port):
        self.service, self.udp, self.sent = service, sender(port), 0

    def send(self, packets=PACKETS):
        for _ in range(packets):
            self.udp.send(emit_batch(self.service, 1 + self.sent, SPANS))
            self.sent += SPANS


def run(test):
    outages(test)
    overflow(test)
    backlog(test)
    small_buffer(test)


def outages(test):
    jaeger = test.jaeger(start=False)
    port = test.port()
    agent = Agent(test, toml(jaeger, 8 << 20, port))
    until(agent.ready, "the agent is not ready")
    load = Load("outages", port)

    outage(agent, load, "down")
    jaeger.start()
    back(agent, load, "started")
    assert len(jaeger.spans("outages")) == load.sent

    jaeger.hang()
    outage(agent, load, "hung")
    jaeger.hang(False)
    back(agent, load, "goes on")
    assert len(jaeger.spans("outages")) == load.sent  # by id: twice is not seen here

    jaeger.kill()  # and what its memory held
    before = load.sent
    outage(agent, load, "killed")
    jaeger.start()
    back(agent, load, "started again")
    assert len(jaeger.spans("outages")) == load.sent - before


def outage(agent, load, what):
    before = agent.ledger("jaeger")["failed_calls"]
    end = time.monotonic() + PAUSE
    load.send()
    until(lambda: agent.ledger("jaeger")["accepted"] == load.sent, "spans do not come")
    time.sleep(max(0, end - time.monotonic()))
    ledger = agent.ledger("jaeger")
    assert ledger["held"] == PACKETS * SPANS and ledger["dropped"] == 0, ledger
    assert ledger["failed_calls"] > before and not ledger["reachable"], ledger
    print(f"{what}: {ledger}")


def back(agent, load, what):
    begin = time.monotonic()
    until(lambda: agent.ledger("jaeger")["held"] == 0, f"Jaeger {what}, and spans still wait")
    ledger = agent.ledger("jaeger")
    assert ledger["dropped"] == 0 and ledger["exported"] == load.sent, ledger
    print(f"{what}: all delivered after {time.monotonic() - begin:.1f} s")


def overflow(test):
    """What does not fit is counted, and it is the newest."""
    jaeger = test.jaeger(start=False)
    port = test.port()
    agent = Agent(test, toml(jaeger, 128 << 10, port))
    until(agent.ready, "the agent is not ready")
    load = Load("overflow", port)
    for _ in range(5):
        load.send()
        until(lambda: agent.ledger("jaeger")["accepted"] == load.sent, "spans do not come")
    ledger = agent.ledger("jaeger")
    assert ledger["reasons"].keys() == {"queue_full"} and 0 < ledger["held"] < load.sent, ledger
    jaeger.start()
    until(lambda: agent.ledger("jaeger")["held"] == 0, "spans still wait")
    ledger = agent.ledger("jaeger")
    assert ledger["exported"] + ledger["dropped"] == load.sent, ledger
    delivered = {int(span_id, 16) for span_id in jaeger.spans("overflow")}
    assert delivered == set(range(1, len(delivered) + 1)) and len(delivered) == ledger["exported"], ledger
    print(f"overflow: {ledger}")


def backlog(test):
    jaeger = test.jaeger()
    port = test.port()
    agent = Agent(test, toml(jaeger, 8 << 20, port))
    until(agent.ready, "the agent is not ready")
    load = Load("backlog", port)
    hang(agent.process)
    load.send(800)
    agent.process.send_signal(signal.SIGTERM)
    agent.process.send_signal(signal.SIGCONT)
    assert agent.process.wait(timeout=11) == 0
    until(lambda: len(jaeger.spans("backlog")) == load.sent, f"not all {load.sent} spans of the kernel's backlog")
    print(f"backlog: {load.sent} spans of {load.sent // SPANS} datagrams delivered after SIGTERM")


def small_buffer(test):
    """What the kernel drops of a burst, without CAP_NET_ADMIN and with a small rmem_max, is counted to the last datagram."""
    jaeger = test.jaeger()
    port = test.port()
    agent = Agent(test, toml(jaeger, 8 << 20, port, 212_992))
    until(agent.ready, "the agent is not ready")
    load = Load("small-buffer", port)
    hang(agent.process)
    load.send(2_000)
    agent.process.send_signal(signal.SIGCONT)

    def counted():
        metrics = agent.metrics()
        labels = '{model="jaeger",protocol="compact"}'
        prefix = "jaeger_agent_thrift_udp_server_packets"
        return [metrics[f"{prefix}_{name}_total{labels}"] for name in ("processed", "dropped")]

    until(lambda: sum(counted()) == 2_000, "datagrams are neither received nor dropped")
    received, dropped = counted()
    assert dropped > 0
    until(lambda: agent.ledger("jaeger")["exported"] == received * SPANS, "spans wait")
    until(lambda: len(jaeger.spans("small-buffer")) == received * SPANS, "Jaeger has other spans")
    print(f"small buffer: {received:.0f} of 2000 datagrams received, {dropped:.0f} counted as dropped")
