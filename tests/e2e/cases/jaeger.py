"""Express asks Flask asks Spring Boot, read back from real Jaegers: over 14250, OTLP and an OpenTelemetry Collector."""

import collections

from harness import Agent, Hop, load, until

TRACED_TAGS = ("http.request.method", "http.response.status_code", "url.path", "url.full", "http.route", "error.type")


def run(test):
    by_jaeger, by_otlp, by_http, by_collector = (test.jaeger() for _ in range(4))
    collector = test.opentelemetry_collector(by_collector.address("otlp"))
    orders = test.spring()
    prices = test.flask(next=orders + "/orders", keep_alive=True)
    checkout = test.express(next=prices + "/prices", keep_alive=True)
    ports = [url.rsplit(":", 1)[1] for url in (checkout, prices, orders)]
    agent = Agent(
        test,
        f"""
[selector]
netns = "/proc/self/ns/net"
ports = [{", ".join(ports)}]
[exporter.jaeger]
endpoints = ["{by_jaeger.address("grpc")}"]
[exporter.otlp]
endpoints = ["{by_otlp.address("otlp")}"]
gzip = true
""",
    )
    until(agent.ready, "the agent is not ready")
    selected = [word for port in ports for word in ("--port", port)]
    terminal = test.tracelet(*selected, "--otlp", "http://" + by_http.address("otlp_http"))

    other = test.tracelet(*selected, "--otlp", collector)
    load(checkout + "/checkout", [Hop("checkout"), Hop("prices"), Hop("orders")], True, {1: 10, 4: 30})
    shown = terminal.stop()
    assert len(other.stop()) == len(shown)
    assert len(shown) == 40 * 6, len(shown)
    assert len({span.trace_id for span in shown}) == 40  # one trace each
    for exporter in ("jaeger", "otlp"):
        until(lambda: agent.ledger(exporter)["exported"] == len(shown), f"{exporter} has not exported all")
    compare("OTLP/HTTP", shown, by_http, 1)
    # Another process than the terminal's: its programs read the clock a little before or after.
    compare("14250", shown, by_jaeger, 2000)
    compare("OTLP/gRPC", shown, by_otlp, 2000)
    compare("collector", shown, by_collector, 2000)
    same(shown, by_jaeger, by_otlp)


def compare(name, shown, jaeger, apart_us):
    """Every span that the terminal showed is in Jaeger: ids, parent, name, times (at most that far apart), tags."""
    services = collections.Counter(span.service for span in shown)
    found = {}
    for service, count in services.items():
        until(lambda: len(jaeger.spans(service)) >= count, f"{name} has not all spans of {service}")
        found |= jaeger.spans(service)
        operations = {span.name for span in shown if span.service == service}
        assert operations <= set(jaeger.query(f"services/{service}/operations")), service
    assert set(services) <= set(jaeger.query("services")), (services, jaeger.query("services"))
    assert jaeger.dependencies() == calls(shown), (jaeger.dependencies(), calls(shown))
    for span in shown:
        other = found[span.span_id]
        assert other.trace_id == span.trace_id, (span, vars(other))
        assert other.parents == ([span.parent] if span.has_parent() else []), (span, vars(other))
        assert (other.name, other.service) == (span.name, span.service), (span, vars(other))
        assert abs(other.start_us - span.start // 1000) < apart_us, (span.start, vars(other))
        assert abs(other.duration_us - (span.end - span.start) / 1000) <= apart_us, (span.start, span.end, vars(other))
        assert other.tags["span.kind"] == span.kind
        for tag in (*TRACED_TAGS, "tracelet.link", "tracelet.link.refused"):
            assert other.tags.get(tag) == span[tag], (tag, span, vars(other))
        assert other.process["process.pid"] == span.pid
    traces = {span.trace_id for span in shown}
    linked = sum(1 for span in shown if span.has_parent())
    print(f"{name:<10} {len(shown)} spans, {len(traces)} traces, {linked} with a parent, {len(found)} in Jaeger")


def calls(shown):
    """{(caller, called): how often}, between services."""
    by_id = {span.span_id: span for span in shown}
    pairs = ((by_id[span.parent].service, span.service) for span in shown if span.has_parent() and span.parent in by_id)
    return dict(collections.Counter(pair for pair in pairs if pair[0] != pair[1]))


def same(shown, one, other):
    """What one Jaeger shows of a span, the other shows too, to the last tag."""
    for service in {span.service for span in shown}:
        ours, theirs = one.spans(service), other.spans(service)
        assert ours.keys() == theirs.keys()
        for span_id, span in ours.items():
            assert vars(span) == vars(theirs[span_id]), (vars(span), vars(theirs[span_id]))
