"""Contexts that applications send themselves: the trace goes on in every known header, and junk is no context."""

from harness import Table

table = Table()
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def run(test):
    table.run(test)


def context(name, headers, trace=TRACE, **values):
    def body(row):
        client, server = row.tcp()
        row.exchange(client, server, row.request(headers=headers), row.response(b"hello"))
        row.expect(response_size=5, context=(trace, SPAN) if trace else (), **values)

    body.__name__ = name
    table.row(body)


context("traceparent", [f"traceparent: 00-{TRACE}-{SPAN}-01"])
context("traceparent_in_odd_case", [f"TraceParent:   00-{TRACE}-{SPAN}-00"])
context("traceparent_of_a_later_version", [f"traceparent: 01-{TRACE}-{SPAN}-01-what-comes-later"])
context(
    "tracestate",
    [f"traceparent: 00-{TRACE}-{SPAN}-01", "tracestate: vendor=value,other=x"],
    check=lambda span: has_state(span, "vendor=value,other=x"),
)
context("b3_single", [f"b3: {TRACE}-{SPAN}-1-{SPAN}"])
context("b3_multi", [f"X-B3-TraceId: {TRACE}", f"X-B3-SpanId: {SPAN}", "X-B3-Sampled: 1"])
context("b3_of_64_bits", [f"X-B3-TraceId: {TRACE[16:]}", f"X-B3-SpanId: {SPAN}"], trace="0" * 16 + TRACE[16:])
context("uber_trace_id", [f"uber-trace-id: {TRACE}:{SPAN}:0:1"])
context(
    "uber_trace_id_without_zeros", [f"uber-trace-id: {TRACE[16:]}:{SPAN.lstrip('0')}:0:1"], trace="0" * 16 + TRACE[16:]
)
context("traceparent_before_b3", [f"b3: {TRACE[::-1]}-{SPAN}-1", f"traceparent: 00-{TRACE}-{SPAN}-01"])
context("all_zeros", [f"traceparent: 00-{'0' * 32}-{SPAN}-01"], trace=None)
context("too_short", [f"traceparent: 00-{TRACE[1:]}-{SPAN}-01"], trace=None)
context("forbidden_version", [f"traceparent: ff-{TRACE}-{SPAN}-01"], trace=None)
context("no_digits", ["traceparent: hello", "b3: world", "uber-trace-id: ::::"], trace=None)


def has_state(span, state):
    assert span.fields.get("trace_state") == state, "tracestate is lost"


@table.row
def passed_on_unchanged(row):
    """A proxy that copies the headers: its call belongs to the request that it copied them from."""
    client, proxy = row.tcp()
    caller, last = row.tcp()
    outer, inner = row.paths(2)
    header = [f"traceparent: 00-{TRACE}-{SPAN}-01"]
    row.send(client, proxy, row.request(path=outer, headers=header))
    row.exchange(caller, last, row.request(path=inner, headers=header), row.response(b"hello"))
    row.send(proxy, client, row.response(b"hello"))
    row.expect(outer, response_size=5, context=(TRACE, SPAN))
    row.expect(inner, response_size=5, caller=outer)
