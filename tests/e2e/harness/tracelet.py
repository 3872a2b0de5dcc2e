"""The program under test, and a span as it prints it with --format json."""

import json
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

from harness.waiting import threads_are


class Span:
    def __init__(self, line):
        fields = json.loads(line)
        self.fields = fields
        self.trace_id = fields["trace_id"]
        self.span_id = fields["span_id"]
        self.parent = fields["parent_span_id"]
        self.kind = fields["kind"].lower()
        self.name = fields["name"]
        self.service = fields["service"]
        self.pid = fields.get("pid")  # not of spans that were received
        self.start = int(fields["start_unix_nano"])
        self.end = int(fields["end_unix_nano"])
        self.status = fields["status"]
        self.attributes = fields["attributes"]

    def __getitem__(self, attribute):
        """The attribute, or None."""
        return self.attributes.get(attribute)

    @property
    def path(self):
        """What was asked for: a path, "*" or, of CONNECT, the authority."""
        path = self["url.path"] or urllib.parse.urlsplit(self["url.full"] or "").path
        if self["http.request.method"] == "CONNECT":
            return f"{self['server.address']}:{self['server.port']}"
        return path or "*"

    @property
    def link(self):
        return self["tracelet.link"]

    @property
    def refused(self):
        return self["tracelet.link.refused"]

    def has_parent(self):
        return bool(self.parent and self.parent.strip("0"))

    def __str__(self):
        described = {key: value for key, value in self.attributes.items() if not key.startswith(("process.", "host."))}
        return f"[{self.kind} {self.span_id} of {self.service} {self.pid}, parent {self.parent or 'none'}, {described}]"

    __repr__ = __str__

    def text(self):
        """All of it, in an order of its own."""
        return json.dumps(self.fields, sort_keys=True)


class Tracelet:
    """`tracelet run --format json`; stop() ends it and returns its spans."""

    def __init__(self, binary, directory, arguments, command=()):
        command = ["--", *map(str, command)] if command else []
        self.output = tempfile.NamedTemporaryFile(dir=directory, suffix=".spans")
        self.process = subprocess.Popen(
            [binary, "run", "--format", "json", *map(str, arguments), *command],
            stdout=self.output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.log = directory / f"tracelet-{self.process.pid}.log"
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read_errors, daemon=True)
        self.reader.start()

    def read_errors(self):
        with open(self.log, "w", encoding="utf-8") as log:
            for line in self.process.stderr:
                log.write(line)
                log.flush()
                if "ready" in line:
                    self.ready.set()
        self.ready.set()  # it has ended

    def wait_until_ready(self, seconds=30):
        assert self.ready.wait(seconds), "tracelet is not ready"
        assert self.process.poll() is None, f"tracelet ended: {self.errors()}"

    def wait_until_at_rest(self, seconds=30):
        """Until it has seen what was just started: its probes on a new program take a while, and longer on a busy machine."""
        end = time.monotonic() + seconds
        looks = 0
        while looks < 10 and self.process.poll() is None:  # 100 ms: events wait in the rings for at most a fifth of that
            assert time.monotonic() < end, f"tracelet is not at rest within {seconds} s"
            looks = looks + 1 if threads_are(self.process, "S") else 0
            time.sleep(0.01)

    def stop(self, by=signal.SIGINT, seconds=10):
        """Ends it, in time and well."""
        self.process.send_signal(by)
        return self.wait(seconds)

    def wait(self, seconds, code=0):
        self.process.wait(timeout=seconds)
        self.reader.join()
        assert self.process.returncode == code, f"tracelet ended with {self.process.returncode}: {self.errors()}"
        self.balanced()
        return list(self.spans())

    def spans(self):
        """Those written so far."""
        with open(self.output.name, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield Span(line)

    def errors(self):
        return self.log.read_text(encoding="utf-8")

    def ledger(self, name):
        """The line of the summary that begins with `name`: {"attempted": 7, "consumed": 6, "ring_full": 1}."""
        (line,) = re.findall(rf"^ +{name} (.*)$", self.errors(), re.MULTILINE)
        return {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", re.sub(r"\(.*?\)", "", line))}

    def balanced(self):
        """The three ledgers hold exactly, and agree with each other. Returns the kernel's."""
        kernel, events, spans = (self.ledger(name) for name in ("kernel", "events", "spans"))
        assert kernel["attempted"] == kernel["consumed"] + kernel["ring_full"], kernel
        assert events["consumed"] == events["used"] + events["ignored"] == kernel["consumed"], (kernel, events)
        assert spans["assembled"] == spans["exported"] + spans["dropped"] + spans["held"], spans
        assert spans["held"] == 0 and spans["exported"] == sum(1 for _ in self.spans()), spans
        return kernel

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
