"""Go: handlers, goroutines, workers."""

from harness import rpc
from harness.test import INSTALLED
from harness.truth import Case, RpcCase, RpcWebCase, WebRpcCase

SERVER = INSTALLED / "goroutines/server"


def goroutines(application, way, call="last", keep_alive=True):
    def start(test, next):
        return test.goroutines(way, next=next, keep_alive=keep_alive)

    return Case("Go", application, start, hop=way, call=call, keep_alive=keep_alive)


def http2(way, application, call="last"):
    """Asks by HTTP/2, that is, by TLS; all calls over one connection."""

    def start(test, next):
        directory = test.directory / "tls"
        directory.mkdir()
        test.certify(directory)
        last = test.goroutines("answer", tls=directory)
        environment = {"WAY": way, "HTTP2": "1", "SSL_CERT_FILE": str(directory / "cert.pem")}
        return test.serve([SERVER], next=last + "/last", keep_alive=True, environment=environment)

    return Case("Go", application, start, hop=way, call=call)


def http2_server(way, application, call="last"):
    """Is asked by HTTP/2, over one connection, by a proxy."""

    def start(test, next):
        directory = test.directory / "tls"
        directory.mkdir()
        test.certify(directory)
        server = test.goroutines(way, tls=directory, next=next, keep_alive=True)
        environment = {"WAY": "direct", "HTTP2": "1", "SSL_CERT_FILE": str(directory / "cert.pem")}
        return test.serve([SERVER], next=server + "/served", keep_alive=True, environment=environment)

    return Case("Go", application, start, call=call, caller="served")


def web_rpc(way, application, suffix=""):
    def start(test, _):
        return test.serve([*rpc.PROGRAMS["go"], "web"], next=rpc.serve(test, "go"), environment={"CONNECTIONS": "8"})

    return WebRpcCase("Go", application, start, hop=way, call="Unary", suffix=suffix)


CASES = [
    Case("Go", "net/http handler, http.Client", lambda test, next: test.go(next=next, keep_alive=True), "stock"),
    goroutines("handler, new connections", "direct", keep_alive=False),
    http2("direct", "handler, HTTP/2"),
    http2("fan", "fan-out to three, HTTP/2", "last-2"),
    http2_server("direct", "handler of HTTP/2 requests"),
    http2_server("fan", "handler of HTTP/2 requests, fan-out to three", "last-2"),
    http2_server("left", "handler of HTTP/2 requests, after its answer"),
    RpcCase("Go", "grpc-go", "go"),
    RpcCase("Go", "grpc-go, 8 connections", "go", connections=8),
    RpcCase("Go", "grpc-go, TLS", "go", tls=True),
    RpcCase("Go", "grpc-go, second call", "go", "Twice", "-2"),
    RpcCase("Go", "grpc-go, fan-out to three", "go", "Fan", "-3", connections=8),
    RpcCase("Go", "grpc-go, after its answer", "go", "Left", connections=8),
    RpcCase("Go", "grpc-go, channel, workers started by requests", "go", "Queue", connections=8),
    RpcCase("Go", "grpc-go, NumStreamWorkers(4)", "go", connections=8, environment={"WORKERS": "4"}),
    RpcWebCase("Go", "grpc-go handler, http.Client", "go", connections=8),
    web_rpc("Chain", "net/http handler, grpc-go"),
    web_rpc("Fan", "net/http handler, fan-out to three by grpc-go", "-3"),
    goroutines("goroutine", "child"),
    goroutines("fan-out to three", "fan", "last-2"),
    goroutines("goroutines of goroutines", "two_levels", "last-2"),
    goroutines("channel, workers", "workers"),
    goroutines("channel, workers started by requests", "lazy_workers"),
]
