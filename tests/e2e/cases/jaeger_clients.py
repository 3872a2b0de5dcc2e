"""Real Jaeger clients send to the stand-in, under the operator's flags, without root; a real Jaeger shows their spans."""

import json
import urllib.request

from harness import Agent, until
from harness.test import INSTALLED

COUNT = 5  # traces of three spans each
PYTHON = INSTALLED / "client-python/venv/bin/python"
JAVA = INSTALLED / "client-java/java/target"
CLIENTS = {  # name: command, port, does it ask how to sample?
    "otel-5775": ([PYTHON, INSTALLED / "client-python/python/otel_thrift.py"], 5775, False),
    "otel-6831": ([PYTHON, INSTALLED / "client-python/python/otel_thrift.py"], 6831, False),
    "python": ([PYTHON, INSTALLED / "client-python/python/jaeger_client_python.py"], 6831, True),
    "node": (["node", INSTALLED / "client-node/node/client.js"], 6832, True),
    "go": ([INSTALLED / "client-go/client"], 6831, True),
    "java": (["java", "-Xmx64m", "-cp", f"{JAVA}/clients.jar:{JAVA}/lib/*", "demo.Client"], 6831, True),
}
TAGS = {"text": "grüße", "yes": True, "whole": 42, "real": 2.5}
# What the Jaeger Operator passes to the sidecars it injects.
AGENT_TAGS = "cluster=undefined,pod.name=${POD_NAME:},container.name=shop,host.ip=${HOST_IP:},unset=${TRACELET_UNSET}"


def run(test):
    strategies = test.directory / "strategies.json"
    strategies.write_text(
        json.dumps(
            {
                "service_strategies": [{"service": "java", "type": "ratelimiting", "param": 300}],
                "default_strategy": {"type": "ratelimiting", "param": 400},
            }
        )
    )
    jaeger = test.jaeger(start=False).start(f"--sampling.strategies-file={strategies}")
    port = jaeger.ports["grpc"]
    flags = [f"--reporter.grpc.host-port=dns:///localhost:{port}", "--reporter.type=grpc", f"--agent.tags={AGENT_TAGS}"]
    agent = Agent(test, flags=flags, environment={"POD_NAME": "shop-0"})
    until(agent.ready, "the agent is not ready")

    running = {}
    for name, (command, agent_port, _) in CLIENTS.items():
        environment = dict(SERVICE=name, COUNT=str(COUNT), AGENT_PORT=str(agent_port), SAMPLING_PORT="5778")
        running[name] = test.start(command, environment, name=name)
    for name, process in running.items():
        assert process.wait(timeout=60) == 0, f"{name} failed"
    sent = len(CLIENTS) * COUNT * 3
    until(lambda: agent.ledger("jaeger")["exported"] == sent, f"not {sent} spans: {agent.ledger('jaeger')}", 15)
    for name, (_, _, asks) in CLIENTS.items():
        spans = until(lambda: whole(jaeger.spans(name)), f"Jaeger has not all spans of {name}")
        check(name, spans, asks)
    check_counters(agent.metrics())
    check_answers(agent, jaeger)


def whole(spans):
    return spans if len(spans) == COUNT * 3 else None


def check(name, spans, asks):
    parents = {span_id for span_id, span in spans.items() if span.name == "parent"}
    assert len(parents) == COUNT, (name, len(parents))
    for span_id, span in spans.items():
        if span_id not in parents:
            assert span.name in ("child-1", "child-2") and span.parents[0] in parents, (name, vars(span))
            assert spans[span.parents[0]].trace_id == span.trace_id
            continue
        assert span.parents == [], (name, vars(span))
        for tag, value in TAGS.items():
            assert span.tags[tag] == value, (name, tag, span.tags[tag])
        assert len(span.logs) == 1 and span.logs[0]["detail"] == "x", (name, span.logs)
        if asks:
            sampler = (span.tags["sampler.type"], span.tags["sampler.param"])
            assert sampler == ("ratelimiting", 300 if name == "java" else 400), (name, sampler)
    process = next(iter(spans.values())).process
    assert process["pod.name"] == "shop-0" and process["cluster"] == "undefined", process
    assert process["host.ip"] == "" and "unset" not in process, process
    print(f"{name:<10} {len(spans)} spans, process {sorted(process)}")


def check_counters(metrics):
    """jaeger-agent's names and labels."""

    def of(name, labels):
        return metrics[f"jaeger_agent_{name}{{{labels}}}"]

    for model, protocol in (("zipkin", "compact"), ("jaeger", "compact"), ("jaeger", "binary")):
        labels = f'model="{model}",protocol="{protocol}"'
        assert of("thrift_udp_server_packets_processed_total", labels) > 0, labels
        assert of("thrift_udp_server_packets_dropped_total", labels) == 0, labels
        assert of("thrift_udp_t_processor_handler_errors_total", labels) == 0, labels
    assert of("reporter_spans_submitted_total", 'format="jaeger",protocol="grpc"') == len(CLIENTS) * COUNT * 3
    assert of("connection_status_collector_connected", 'protocol="grpc"') == 1
    assert of("http_server_requests_total", 'type="sampling-legacy"') >= 1  # Java
    assert of("http_server_requests_total", 'type="sampling"') >= 3
    assert of("collector_proxy_total", 'endpoint="sampling",protocol="grpc",result="ok"') >= 4
    assert metrics["jaeger_agent_client_stats_connected_clients"] >= 1  # Go


def check_answers(agent, jaeger):
    """The last answers outlive the collector; health keeps its form."""

    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:5778{path}", timeout=5) as answer:
            return answer.read().decode()

    new = '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":300}}'
    old = '{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":300}}'
    for way, end in (("up", lambda: None), ("hung", jaeger.hang), ("dead", jaeger.kill)):
        end()
        assert get("/sampling?service=java") == new, way
        assert get("/?service=java") == old, way
    metrics = agent.metrics()
    assert metrics['tracelet_sampling_answers_without_collector_total{source="memory"}'] >= 4
    with urllib.request.urlopen(f"http://127.0.0.1:{agent.admin_port}/", timeout=5) as answer:
        health = json.load(answer)
    assert health["status"] == "Server available" and set(health) == {"status", "upSince", "uptime"}, health
    with urllib.request.urlopen(f"http://127.0.0.1:{agent.admin_port}/version", timeout=5) as answer:
        assert json.load(answer)["gitVersion"].startswith("tracelet")
