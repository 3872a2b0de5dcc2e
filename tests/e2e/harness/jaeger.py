"""A real Jaeger 1.53 all-in-one, and what its query API shows."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request

from harness.waiting import hang

PORTS = {
    "collector.grpc-server.host-port": "grpc",
    "collector.http-server.host-port": "http",
    "collector.otlp.grpc.host-port": "otlp",
    "collector.otlp.http.host-port": "otlp_http",
    "query.http-server.host-port": "query",
    "query.grpc-server.host-port": "query_grpc",
    "admin.http.host-port": "admin",
    "http-server.host-port": "agent_http",
    "processor.jaeger-binary.server-host-port": "agent_binary",
    "processor.jaeger-compact.server-host-port": "agent_compact",
    "processor.zipkin-compact.server-host-port": "agent_zipkin",
}


NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


class Jaeger:
    def __init__(self, test, binary):
        self.test = test
        self.binary = binary
        self.ports = {name: test.port() for name in PORTS.values()}
        self.process = None

    def start(self, *more):
        flags = [f"--{flag}=127.0.0.1:{self.ports[name]}" for flag, name in PORTS.items()] + list(more)
        self.process = self.test.start([self.binary, *flags], {"SPAN_STORAGE_TYPE": "memory"}, name="jaeger")
        for name in ("grpc", "otlp", "otlp_http", "query"):
            self.test.wait_for(("127.0.0.1", self.ports[name]))
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def hang(self, hung=True):
        if hung:
            hang(self.process)
        else:
            self.process.send_signal(signal.SIGCONT)

    def address(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def query(self, path):
        with urllib.request.urlopen(f"http://{self.address('query')}/api/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def spans(self, service):
        """{span id: Span} of a service."""
        found = {}
        for trace in self.query(f"traces?service={service}&limit=5000&lookback=1h") or []:
            for span in trace["spans"]:
                found[span["spanID"]] = Span(span, trace["processes"][span["processID"]])
        return found

    def dependencies(self):
        """{(caller, called): how often}, between services."""
        edges = self.query(f"dependencies?endTs={int(time.time() * 1000)}&lookback=3600000")
        return {(edge["parent"], edge["child"]): edge["callCount"] for edge in edges}


class Span:
    def __init__(self, fields, process):
        self.trace_id = fields["traceID"].rjust(32, "0")
        self.name = fields["operationName"]
        self.start_us = fields["startTime"]
        self.duration_us = fields["duration"]
        self.parents = [ref["spanID"] for ref in fields["references"] if ref["refType"] == "CHILD_OF"]
        self.links = [ref["spanID"] for ref in fields["references"] if ref["refType"] == "FOLLOWS_FROM"]
        self.tags = {tag["key"]: tag["value"] for tag in fields["tags"]}
        self.service = process["serviceName"]
        self.process = {tag["key"]: tag["value"] for tag in process["tags"]}
        self.logs = [{field["key"]: field["value"] for field in log["fields"]} for log in fields["logs"]]
        # Jaeger's storage adds this to what it got, by the way it came.
        self.tags.pop("internal.span.format", None)
        # Its query service moves the scope of OTLP spans from the span to the process.
        for key in ("otel.library.name", "otel.library.version"):
            self.process.setdefault(key, self.tags.pop(key, None))


def closed(*receivers):
    """Configures that these open no port, which all do by default."""
    return "".join(f'[ingest.{name}]\nlisten = ""\n' for name in receivers)


class Agent:
    """`tracelet agent` with a configuration, or with the flags of jaeger-agent, then without root."""

    def __init__(self, test, toml="", flags=(), environment=None):
        self.test = test
        self.admin_port = test.port()
        listen = f"127.0.0.1:{self.admin_port}"
        if flags:
            self.process = test.start(
                [test.public_binary(), "agent", f"--admin.http.host-port={listen}", *flags],
                environment,
                name="agent",
                **NOBODY,
            )
            return
        self.path = test.directory / f"tracelet-{self.admin_port}.toml"
        self.configure(toml)
        subprocess.run([test.binary, "config", "--check", self.path], check=True, stdout=subprocess.DEVNULL)
        self.process = test.start([test.binary, "agent", "--config", self.path], environment, name="agent")

    def configure(self, toml):
        """Writes the file; SIGHUP makes a running agent read it."""
        self.path.write_text(f'[admin]\nlisten = "127.0.0.1:{self.admin_port}"\n{toml}')

    def log(self):
        return "".join(path.read_text(errors="replace") for path in self.test.directory.glob("*-agent.log"))

    def memory_kb(self):
        """VmRSS and its high-water mark."""
        status = open(f"/proc/{self.process.pid}/status").read().splitlines()
        found = dict(line.split(":", 1) for line in status)
        return int(found["VmRSS"].split()[0]), int(found["VmHWM"].split()[0])

    def status(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def ready(self):
        assert self.process.poll() is None, "the agent has ended"
        return self.status("/readyz") == 200

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def metrics(self):
        """{'name{labels}': value}"""
        lines = [line for line in self.get("/metrics").splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def ledger(self, exporter):
        """Of one exporter; asserts that it is exact."""
        metrics = self.metrics()

        def of(name):
            return int(metrics[f'tracelet_exporter_{name}{{exporter="{exporter}"}}'])

        dropped = {
            name.split('reason="')[1].rstrip('"}'): int(value)
            for name, value in metrics.items()
            if name.startswith(f'tracelet_exporter_spans_dropped_total{{exporter="{exporter}"') and value
        }
        ledger = {name: of(f"spans_{name}_total") for name in ("accepted", "exported")}
        ledger |= {"held": of("spans_held"), "dropped": sum(dropped.values()), "reasons": dropped}
        ledger |= {"failed_calls": of("failed_calls_total"), "reachable": of("reachable")}
        assert ledger["accepted"] == ledger["exported"] + ledger["dropped"] + ledger["held"], ledger
        return ledger
