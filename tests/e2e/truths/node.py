"""Node: what comes between a request and its call."""

from harness.test import APPS, NODE_NEWEST
from harness.truth import Case, RpcCase


def node(application, way, program="node", **options):
    def start(test, next):
        environment = {"WAY": way, "OTHER": next.rpartition("/")[0] + "/left"}
        return test.serve([program, APPS / "loops.js"], next=next, environment=environment)

    return Case("Node", application, start, **options)


CASES = [
    node("http", "http"),
    node("http, new connections", "fresh"),
    node("fetch", "fetch"),
    node("http, Node 26", "http", NODE_NEWEST),
    node("fetch, Node 26", "fetch", NODE_NEWEST),
    node("setImmediate, Node 26", "immediate", NODE_NEWEST),
    node("immediates that do what was left, Node 26", "steps", NODE_NEWEST, call="left", suffix="-1", levels=(1, 10, 100)),
    node("process.nextTick", "later_tick"),
    node("setTimeout", "timer"),
    node("setImmediate", "immediate"),
    node("fs.promises", "file"),
    node("crypto", "random"),
    node("http.Agent({maxSockets: 4})", "max_sockets"),
    node("limiter, two at a time", "limit"),
    node("a limiter's leftover jobs", "leftover", call="left", suffix="-1"),
    node("immediates that do what was left", "steps", call="left", suffix="-1", levels=(1, 10, 100)),
    node("one connection for all", "one_connection"),
    node("queue, pumped by timers", "pump"),
    node("worker_threads", "worker"),
    RpcCase("Node", "grpc-js", "node"),
]
