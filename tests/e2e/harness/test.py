"""The surroundings of one case: a network namespace of its own, so that ports are
free and tracelet sees nothing else, a directory, and the applications it starts.
Everything that was started ends with the case, by its own pid."""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from harness.jaeger import Jaeger
from harness.tracelet import Tracelet
from harness.waiting import until

APPS = pathlib.Path(__file__).resolve().parent.parent / "apps"
INSTALLED = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tracelet-e2e"
PYTHON = INSTALLED / "python/venv/bin/python"
PYTHON_ASYNC = INSTALLED / "python-async/venv/bin/python"
PYTHON_NEWEST = INSTALLED / "python-newest/venv/bin/python"
NODE_NEWEST = INSTALLED / "node-newest/node_modules/node/bin/node"
GUNICORN = INSTALLED / "python/venv/bin/gunicorn"
ENVOY = next(INSTALLED.glob("envoy/venv/lib/*/site-packages/envoy/_bin/envoy"), None)
CLONE_NEWNET = 0x40000000  # linux/sched.h


class Test:
    def __init__(self, binary):
        self.binary = binary
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tracelet-e2e-"))
        self.processes = []
        self.tracelets = []
        self.next_port = 8000
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare: are you root?")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    # --- tracelet

    def public_binary(self):
        """A copy of the program that users without rights reach."""
        copy = self.directory / "tracelet"
        if not copy.exists():
            self.directory.chmod(0o755)
            shutil.copy(self.binary, copy)
            copy.chmod(0o755)
        return copy

    def tracelet(self, *arguments, command=()):
        """Starts tracelet on this namespace, or on what `arguments` select, and waits until it is ready."""
        if not arguments and not command:
            arguments = ("--netns", "/proc/self/ns/net")
        tracelet = Tracelet(self.binary, self.directory, arguments, command)
        self.processes.append(tracelet.process)
        self.tracelets.append(tracelet)
        tracelet.wait_until_ready()
        return tracelet

    # --- applications: each returns the address that reaches it

    def port(self):
        self.next_port += 1
        return self.next_port

    def start(self, command, environment=None, name=None, **options):
        """Any program; its output goes to a file that is shown when the case fails."""
        command = [str(part) for part in command]
        name = name or pathlib.Path(command[0]).name
        with open(self.directory / f"{len(self.processes)}-{name}.log", "wb") as log:
            process = subprocess.Popen(
                command,
                env=dict(os.environ, **(environment or {})),
                stdout=options.pop("stdout", log),
                stderr=log,
                start_new_session=True,
                **options,
            )
        self.processes.append(process)
        return process

    def serve(self, command, next="", keep_alive=False, environment=None):
        """A program that listens on $PORT and asks $NEXT."""
        port = self.port()
        known = dict(PORT=str(port), NEXT=next, KEEP_ALIVE=str(int(keep_alive)))
        self.start(command, known | (environment or {}))
        self.wait_for(("127.0.0.1", port))
        return f"http://127.0.0.1:{port}"

    def certify(self, directory):
        """Makes cert.pem and key.pem there, for localhost."""
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"]
        subprocess.run(command, check=True, capture_output=True)

    def wait_for(self, address, seconds=30):
        """Until somebody listens there, and every tracelet has seen who."""

        def accepts():
            family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
            with socket.socket(family) as probe:
                return probe.connect_ex(address) == 0

        until(accepts, f"nobody listens on {address}", seconds)
        self.settle()

    def settle(self):
        """Until every tracelet has seen what was just started."""
        for tracelet in self.tracelets:
            tracelet.wait_until_at_rest()

    def relay(self, **options):
        """Thread per connection, Python's standard library."""
        return self.serve([PYTHON, APPS / "relay.py"], **options)

    def flask(self, **options):
        return self.serve([PYTHON, APPS / "prices/app.py"], **options)

    def express(self, **options):
        return self.serve(["node", INSTALLED / "node/server.js"], **options)

    def spring(self):
        jar = INSTALLED / "java/orders/target/orders.jar"
        port = self.port()
        self.start(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", jar, f"--server.port={port}"])
        self.wait_for(("127.0.0.1", port))
        return f"http://127.0.0.1:{port}"

    def spring_web(self, java="java", *options, next=""):
        """apps/java_web."""
        port = self.port()
        jar = INSTALLED / "java-web/java_web/target/web.jar"
        self.start([java, "-Xmx384m", "-jar", jar, f"--server.port={port}", *options], dict(NEXT=next))
        self.wait_for(("127.0.0.1", port), 90)
        return f"http://127.0.0.1:{port}"

    def go(self, **options):
        return self.serve([INSTALLED / "go/server"], **options)

    def goroutines(self, way, tls=None, http2=False, **options):
        """`tls`: a folder in which certify() was."""
        environment = {"WAY": way, "TLS": str(tls or ""), "HTTP2": str(int(http2))}
        url = self.serve([INSTALLED / "goroutines/server"], environment=environment, **options)
        return url.replace("http:", "https:").replace("127.0.0.1", "localhost") if tls else url

    def gunicorn(self, bind=None, worker="sync", next=""):
        """`bind`: path of a Unix socket, or nothing for TCP. Returns what nginx calls its upstream."""
        bind = f"unix:{bind}" if bind else f"127.0.0.1:{self.port()}"
        command = [GUNICORN, "--bind", bind, "--worker-class", worker, "--workers", "3", "--chdir", APPS]
        command += ["--threads", "8", "--keep-alive", "75"] if worker == "gthread" else []
        self.start([*command, "--worker-tmp-dir", "/dev/shm", "wsgi:app"], dict(NEXT=next))
        host, _, port = bind.partition(":")
        self.wait_for(port if host == "unix" else (host, int(port)))
        return bind

    def nginx(self, upstream, keep_alive=False):
        values = dict(
            upstream=upstream,
            upstream_keepalive="keepalive 32;" if keep_alive else "",
            connection="" if keep_alive else "close",
        )
        port, config = self.configure("nginx.conf", **values)
        return self.proxy(["nginx", "-p", config.parent, "-e", "stderr", "-c", config], port)

    def haproxy(self, upstream, threads=1, option="http-reuse always", server=""):
        port, config = self.configure("haproxy.cfg", upstream=upstream, threads=threads, option=option, server=server)
        return self.proxy(["haproxy", "-f", config], port)

    def envoy(self, upstream, threads=1):
        host, _, upstream_port = upstream.partition(":")
        port, config = self.configure("envoy/envoy.yaml", host=host, upstream_port=upstream_port)
        options = ["--concurrency", threads, "--disable-hot-restart", "--log-level", "error"]
        return self.proxy([ENVOY, "-c", config, *options], port)

    def configure(self, template, **values):
        """A port, and a copy of apps/TEMPLATE in a directory of its own, with these @values@ and @port@ and @directory@."""
        port = self.port()
        directory = self.directory / f"{pathlib.Path(template).stem}-{port}"
        directory.mkdir()
        text = (APPS / template).read_text()
        for name, value in dict(values, directory=directory, port=port).items():
            text = text.replace(f"@{name}@", str(value))
        config = directory / pathlib.Path(template).name
        config.write_text(text)
        return port, config

    def proxy(self, command, port):
        self.start(command)
        self.wait_for(("127.0.0.1", port))
        return f"http://127.0.0.1:{port}"

    def jaeger(self, start=True):
        """A Jaeger all-in-one, on ports of its own."""
        jaeger = Jaeger(self, INSTALLED / "jaeger/all-in-one")
        return jaeger.start() if start else jaeger

    def opentelemetry_collector(self, to):
        """A real one that passes OTLP on to `to`, HOST:PORT; returns where it listens."""
        port = self.port()
        path = self.directory / f"collector-{port}.yaml"
        path.write_text(
            f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
processors: {{batch: {{timeout: 100ms}}}}
exporters: {{otlp: {{endpoint: "{to}", tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [batch], exporters: [otlp]}}}}
"""
        )
        self.start([INSTALLED / "collector/otelcol", f"--config={path}"], name="collector")
        self.wait_for(("127.0.0.1", port))
        return f"127.0.0.1:{port}"

    def node_answers(self):
        """Answers every request itself, at once."""
        return self.serve(["node", APPS / "loops.js"], environment={"WAY": "answer"})

    def compile(self, source):
        """A C, C++ or Java program of apps/, once; returns its path, of Java that of its classes."""
        program = self.directory / pathlib.Path(source).stem
        if program.exists():
            return program
        command = {
            ".c": ["gcc", "-O1", "-Wall", "-Werror", "-pthread", "-o"],
            ".cc": ["g++", "-std=c++20", "-O1", "-Wall", "-Werror", "-pthread", "-o"],
            ".java": ["javac", "-Werror", "-d"],
        }[pathlib.Path(source).suffix]
        subprocess.run([*command, program, APPS / source], check=True)
        return program

    # --- end

    def show_logs(self, lines=int(os.environ.get("LOG_LINES", 8))):
        for log in sorted(self.directory.glob("*.log")):
            text = log.read_text(errors="replace").splitlines()
            if text:
                print(f"--- {log.name}", *text[-lines:], sep="\n", file=sys.stderr)

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.tracelets.clear()  # which have files there
        shutil.rmtree(self.directory, ignore_errors=True)
