"""A real Jaeger that is down, hung, killed: nothing that fits is lost, ledgers are exact, the agent stops in time."""

import os
import signal
import time

from harness import Agent, Hop, load, until

PAUSE = float(os.environ.get("TRACELET_OUTAGE_SECONDS", "4"))  # of each outage; by hand with 60


def ask(service, count):
    load(f"{service}/last", [Hop("last")], False, {1: count})


def run(test):
    jaeger = test.jaeger(start=False)
    service = test.relay()
    agent = Agent(
        test,
        f"""
[selector]
netns = "/proc/self/ns/net"
ports = [{service.rsplit(":", 1)[1]}]
[exporter.jaeger]
endpoints = ["{jaeger.address("grpc")}"]
[exporter.jaeger.delivery]
timeout_ms = 1_000
max_backoff_ms = 1_000
[exporter.file]
path = "{test.directory}/spans.jsonl"
""",
    )
    until(agent.ready, "the agent is not ready")

    down = outage(agent, service, "down")
    assert down["exported"] == 0, down
    jaeger.start()
    back(agent, "started")

    jaeger.hang()
    outage(agent, service, "hung")
    jaeger.hang(False)
    back(agent, "goes on")

    slow(agent, jaeger, service)
    back(agent, "no longer slow")

    jaeger.kill()
    outage(agent, service, "killed")
    jaeger.start()
    ledger = back(agent, "started again")
    assert ledger["accepted"] == 4 * 200, ledger

    jaeger.hang()
    ask(service, 50)
    until(lambda: agent.ledger("jaeger")["held"] == 100, "spans are not held")
    begin = time.monotonic()
    agent.process.send_signal(signal.SIGTERM)
    agent.process.wait(timeout=11)
    print(f"SIGTERM with a hung collector: ended after {time.monotonic() - begin:.1f} s")
    assert agent.process.returncode == 0, agent.process.returncode
    lines = (test.directory / "spans.jsonl").read_text().splitlines()
    assert len(lines) == 4 * 200 + 100, len(lines)  # the other exporter lost nothing
    log = agent.log()
    assert "exporter jaeger: 900 spans accepted, 800 exported, 100 dropped" in log, log
    warnings = log.count("trying again")
    lasted = int(4 * PAUSE / 60)
    assert 1 <= warnings <= 4 + lasted, f"{warnings} warnings:\n{log}"  # one an outage, one a minute while it lasts


def outage(agent, service, what):
    before = agent.ledger("jaeger")
    ask(service, 100)
    end = time.monotonic() + PAUSE
    until(lambda: agent.ledger("jaeger")["accepted"] == before["accepted"] + 200, "spans do not come")
    time.sleep(max(0, end - time.monotonic()))
    ledger = agent.ledger("jaeger")
    assert ledger["held"] == 200 and ledger["dropped"] == 0, ledger
    assert ledger["failed_calls"] > before["failed_calls"] and not ledger["reachable"], ledger
    assert agent.status("/healthz") == agent.status("/readyz") == 200
    print(f"{what}: {ledger}, {agent.memory_kb()[0] / 1000:.0f} MB resident")
    return ledger


def slow(agent, jaeger, service):
    """It answers a tenth of the time."""
    ask(service, 100)
    end = time.monotonic() + PAUSE
    while time.monotonic() < end:
        jaeger.hang()
        time.sleep(0.45)
        jaeger.hang(False)
        time.sleep(0.05)
    print(f"slow: {agent.ledger('jaeger')}, {agent.memory_kb()[0] / 1000:.0f} MB resident")


def back(agent, what):
    begin = time.monotonic()
    until(lambda: agent.ledger("jaeger")["held"] == 0, f"Jaeger {what}, and spans still wait")
    ledger = agent.ledger("jaeger")
    assert ledger["dropped"] == 0 and ledger["exported"] == ledger["accepted"], ledger
    print(f"{what}: all delivered after {time.monotonic() - begin:.1f} s")
    return ledger
