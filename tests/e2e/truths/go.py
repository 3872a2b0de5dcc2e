"""Go: handlers, goroutines, workers."""

from harness.test import INSTALLED
from harness.truth import Case, RpcCase

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


CASES = [
    Case("Go", "net/http handler, http.Client", lambda test, next: test.go(next=next, keep_alive=True), "stock"),
    goroutines("handler, new connections", "direct", keep_alive=False),
    http2("direct", "handler, HTTP/2"),
    http2("fan", "fan-out to three, HTTP/2", "last-2"),
    RpcCase("Go", "grpc-go", "go"),
    goroutines("goroutine", "child"),
    goroutines("fan-out to three", "fan", "last-2"),
    goroutines("goroutines of goroutines", "two_levels", "last-2"),
    goroutines("channel, workers", "workers"),
    goroutines("channel, workers started by requests", "lazy_workers"),
]
