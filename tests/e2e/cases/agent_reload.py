"""The daemon: SIGHUP takes what can be taken and names the rest, mistakes change nothing, /metrics tells all of it."""

import re
import signal
import subprocess

from harness import Agent, Hop, load, until


def ask(service, count):
    load(f"{service}/last", [Hop("last")], False, {1: count})


def run(test):
    service = test.relay()
    port = service.rsplit(":", 1)[1]
    text = f"""
[selector]
netns = "/proc/self/ns/net"
ports = [{port}]
[source]
cost_sample_period_s = 1
[exporter.file]
path = "{test.directory}/spans.jsonl"
"""
    agent = Agent(test, text)
    until(agent.ready, "the agent is not ready")

    ask(service, 10)
    until(lambda: agent.ledger("file")["exported"] == 20, "the first spans are not exported")

    agent.configure(text + "[pipeline.sampler]\nratio = 0.0\n[span]\nhold_ms = 500\n")
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "pipeline.sampler.ratio changed" in agent.log(), "SIGHUP was not heard")
    assert "span.hold_ms needs a restart to change" in agent.log(), agent.log()
    ask(service, 10)
    until(lambda: agent.metrics()["tracelet_spans_not_sampled_total"] == 20, "the new ratio is not used")
    assert agent.ledger("file")["accepted"] == 20

    agent.configure(text + "[pipeline.sampler]\nration = 1.0\n")
    agent.process.send_signal(signal.SIGHUP)
    mistake = "there is no key pipeline.sampler.ration; did you mean pipeline.sampler.ratio?"
    until(lambda: mistake in agent.log(), "the mistake is not named")
    checked = subprocess.run([test.binary, "config", "--check", agent.path], capture_output=True, text=True)
    assert checked.returncode != 0 and mistake in checked.stdout + checked.stderr, checked

    agent.configure(text)
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: agent.log().count("pipeline.sampler.ratio changed") == 2, "the old ratio is not back")
    ask(service, 10)
    until(lambda: agent.ledger("file")["exported"] == 40, "spans after the mistake are not exported")
    metrics(agent)


def metrics(agent):
    """The ledgers hold, durations are per route, programs have a cost, and each name is explained once."""
    until(lambda: agent.metrics().get('tracelet_bpf_sampled_runs_total{program="sys_exit"}'), "no cost was sampled")
    now = agent.metrics()
    assert now["tracelet_spans_assembled_total"] == 60, now
    served = [value for name, value in now.items() if name.startswith("http_server_request_duration_seconds_count")]
    assert sum(served) == 30, now
    text = agent.get("/metrics")
    names = {re.match(r"\w+", line).group() for line in text.splitlines() if line and not line.startswith("#")}
    for name in names:
        family = re.sub("_(bucket|sum|count)$", "", name)
        assert len(re.findall(rf"^# TYPE ({name}|{family}) ", text, re.M)) == 1, name
