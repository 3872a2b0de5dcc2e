"""Node: what comes between a request and its call."""

from harness.test import APPS
from harness.truth import Case, RpcCase


def node(application, way, **options):
    def start(test, next):
        environment = {"WAY": way, "OTHER": next.rpartition("/")[0] + "/left"}
        return test.serve(["node", APPS / "loops.js"], next=next, environment=environment)

    return Case("Node", application, start, **options)


CASES = [
    node("http", "http"),
    node("http, new connections", "fresh"),
    node("fetch", "fetch"),
    node("process.nextTick", "later_tick"),
    node("setTimeout", "timer"),
    node("setImmediate", "immediate"),
    node("fs.promises", "file"),
    node("crypto", "random"),
    node("http.Agent({maxSockets: 4})", "max_sockets"),
    node("limiter, two at a time", "limit"),
    node("a limiter's leftover jobs", "leftover", call="left", suffix="-1"),
    node("one connection for all", "one_connection"),
    node("queue, pumped by timers", "pump"),
    node("worker_threads", "worker"),
    RpcCase("Node", "grpc-js", "node"),
]
