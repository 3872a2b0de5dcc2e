"""Go: handlers, goroutines, workers."""

from harness.truth import Case


def goroutines(application, way, call="last", keep_alive=True):
    def start(test, next):
        return test.goroutines(way, next=next, keep_alive=keep_alive)

    return Case("Go", application, start, hop=way, call=call, keep_alive=keep_alive)


CASES = [
    Case("Go", "net/http handler, http.Client", lambda test, next: test.go(next=next, keep_alive=True), "stock"),
    goroutines("handler, new connections", "direct", keep_alive=False),
    goroutines("goroutine", "child"),
    goroutines("fan-out to three", "fan", "last-2"),
    goroutines("goroutines of goroutines", "two_levels", "last-2"),
    goroutines("channel, workers", "workers"),
    goroutines("channel, workers started by requests", "lazy_workers"),
]
