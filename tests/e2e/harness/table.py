"""Rows of hard HTTP and hard sockets. A row is a function that moves bytes over real
sockets and says which spans must come of it:

    @table.row
    def keep_alive(row):
        client, server = row.tcp()
        for path in row.paths(2):
            row.exchange(client, server, row.request(path=path), row.response(b"hello"))
            row.expect(path=path, status=200, response_size=5)

Each row runs in a thread of its own and uses paths below /NAME-OF-THE-ROW."""

import contextlib
import socket
import threading
import traceback
from dataclasses import dataclass

ATTRIBUTES = {
    "method": "http.request.method",
    "original_method": "http.request.method_original",
    "status": "http.response.status_code",
    "request_size": "http.request.body.size",
    "response_size": "http.response.body.size",
    "error": "error.type",
    "outcome": "tracelet.outcome",
    "version": "network.protocol.version",
    "transport": "network.transport",
    "peer": "network.peer.address",
}
DEFAULTS = {"method": "GET", "status": 200, "request_size": 0, "response_size": 0, "error": None}
BOTH = ("client", "server")
ANY = object()  # the value of an attribute does not matter
ABRUPT = b"\x01\0\0\0\0\0\0\0"  # struct linger: on, 0 seconds: close() sends RST


@dataclass
class Expected:
    path: str
    sides: tuple
    linked: bool
    context: tuple
    caller: str
    check: object
    wanted: dict


def elsewhere(function, *arguments):
    """Calls it in another thread and returns its result. Not by an executor: a job is its giver's request's."""
    ended = []

    def run():
        try:
            ended.append((function(*arguments), None))
        except BaseException as error:  # the caller's to handle
            ended.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = ended[0]
    if error:
        raise error
    return result


class ClientSocket(socket.socket):
    """Sends in other threads: a call is not made for the requests that the row's own thread has read."""

    def sendall(self, *arguments):
        return elsewhere(super().sendall, *arguments)

    def send(self, *arguments):
        return elsewhere(super().send, *arguments)


class Row:
    def __init__(self, function):
        self.function = function
        self.name = function.__name__
        self.path = "/" + self.name.replace("_", "-")
        self.expected = []
        self.found = {}  # spans by path and side
        self.error = None
        self.resources = contextlib.ExitStack()

    def paths(self, count):
        return [f"{self.path}/{'abcdefgh'[i]}" for i in range(count)]

    # --- sockets

    def keep(self, resource):
        """Closes it when the row has ended."""
        return self.resources.enter_context(resource)

    def listen(self, family=socket.AF_INET, address=("127.0.0.1", 0)):
        listener = self.keep(socket.socket(family))
        listener.bind(address)
        listener.listen(16)
        return listener

    def dial(self, listener, family=None, address=None):
        """(client, server) over this listener."""
        client = self.keep(ClientSocket(family or listener.family))
        client.connect(address or listener.getsockname())
        return client, self.keep(listener.accept()[0])

    def tcp(self):
        return self.dial(self.listen())

    # --- HTTP

    def request(self, method="GET", path=None, headers=(), body=b"", version="1.1"):
        lines = [f"{method} {path or self.path} HTTP/{version}", "Host: example.test", *headers]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body

    def response(self, body=b"", status="200 OK", headers=(), version="1.1", length=True):
        lines = [f"HTTP/{version} {status}", *headers]
        lines += [f"Content-Length: {len(body)}"] if length else []
        return "\r\n".join([*lines, "", ""]).encode() + body

    def send(self, sender, receiver, message):
        """All of a message that fits into the socket's buffer."""
        sender.sendall(message)
        self.receive(receiver, len(message))

    def receive(self, receiver, count):
        data = b""
        while len(data) < count:
            piece = receiver.recv(count - len(data))
            assert piece, f"end after {len(data)} of {count} bytes"
            data += piece
        return data

    def exchange(self, client, server, request, response):
        self.send(client, server, request)
        self.send(server, client, response)

    # --- what must come of it

    def expect(self, path=None, sides=BOTH, linked=True, context=(), caller="", check=None, **values):
        """A span on each of `sides`, the server's a child of the client's, or not `linked` and with the reason.
        `context`: (trace id, span id) that a header made the client's parent; `caller`: path whose server
        span is the client's parent. Keys: ATTRIBUTES or a full key; None: must be absent; `check(span)` asserts more.
        """
        wanted = {ATTRIBUTES.get(key, key): value for key, value in (DEFAULTS | values).items()}
        self.expected.append(
            Expected(self.path if path is None else path, sides, linked, context, caller, check, wanted)
        )

    # --- running

    def run(self):
        thread = threading.Thread(target=self.run_here, daemon=True)
        thread.start()
        thread.join(timeout=30)
        self.error = self.error or ("hangs" if thread.is_alive() else None)

    def run_here(self):
        try:
            with self.resources:
                self.function(self)
        except Exception:  # noqa: BLE001
            self.error = traceback.format_exc()

    def compare(self, spans):
        """What is wrong, as text; takes its own spans out of `spans`."""
        problems = [self.error] if self.error else []
        for expected in self.expected:
            for side in expected.sides:
                problems += self.compare_span(expected, side, spans)
        for expected in self.expected:
            problems += self.compare_links(expected)
        return problems + self.unexpected(spans)

    def compare_span(self, expected, side, spans):
        matching = [span for span in spans if span.kind == side and span.path == expected.path]
        for span in matching:
            spans.remove(span)
        if len(matching) != 1:
            yield f"{len(matching)} {side} spans for {expected.path}: {matching}"
            return
        span = self.found[expected.path, side] = matching[0]
        for key, value in expected.wanted.items():
            if value is not ANY and span[key] != value:
                yield f"{side} span of {expected.path}: {key} is {span[key]!r}, not {value!r}: {span}"
        try:
            if expected.check:
                expected.check(span)
        except AssertionError as error:
            yield f"{side} span of {expected.path}: {error}: {span}"

    def compare_links(self, expected):
        client, server, caller = (
            self.found.get(key)
            for key in ((expected.path, "client"), (expected.path, "server"), (expected.caller, "server"))
        )
        if client and expected.context:
            if (client.trace_id, client.parent, client.link) != (*expected.context, "header"):
                yield f"not in the context of its header {expected.context}: {client}"
        elif client and caller:
            if (client.trace_id, client.parent) != (caller.trace_id, caller.span_id):
                yield f"not called by {caller}: {client}"
        elif client and client.has_parent():
            yield f"WRONG: a parent where nothing called: {client}"
        if server and client and expected.linked:
            if (server.trace_id, server.parent) != (client.trace_id, client.span_id):
                yield f"server span is not the child of its client span: {server} of {client}"
        elif server and server.has_parent():
            yield f"WRONG parent: {server}"
        elif server and not server.refused:
            yield f"no parent and no reason: {server}"

    def unexpected(self, spans):
        mine = [span for span in spans if span.path.startswith(self.path + "/") or span.path == self.path]
        for span in mine:
            spans.remove(span)
        return [f"a span that nobody asked for: {span}" for span in mine]


class Table:
    def __init__(self):
        self.rows = []

    def row(self, function):
        self.rows.append(Row(function))
        return function

    def run(self, test):
        assert len({row.name for row in self.rows}) == len(self.rows), "two rows of one name"
        tracelet = test.tracelet()
        for row in self.rows:
            row.run()
        spans = tracelet.stop()
        problems = []
        failed = 0
        for row in self.rows:
            wrong = row.compare(spans)
            failed += bool(wrong)
            print(f"{'FAILED' if wrong else 'ok':<8}{row.name:<40}{row.function.__doc__ or ''}")
            problems += [f"{row.name}: {text}" for text in wrong[:1]]
            problems += [f"{row.name}: and {len(wrong) - 1} more"] if len(wrong) > 1 else []
        problems += [f"a span that nobody asked for: {span}" for span in spans]
        assert not problems, f"{failed} of {len(self.rows)} rows failed\n  " + "\n  ".join(problems)
