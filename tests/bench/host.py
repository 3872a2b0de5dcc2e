"""What the agent costs on this host: CPU per request beside an empty program on the same hook, memory, loss."""

import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PORT, NGINX_PORT = 8401, 8402
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
TARGETS = {"rss_mb": 40, "ring_full": 0}

NGINX_CONF = """
daemon off; worker_processes 2; error_log /dev/null; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; root {folder}; server {{ listen 127.0.0.1:%d; }} }}
""" % NGINX_PORT


class Child:
    """A process that says "ready" on stderr, or just runs."""

    def __init__(self, folder, *command, ready=False):
        self.errors = pathlib.Path(folder) / f"stderr.{time.monotonic_ns()}"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=errors,
                                            stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while ready and "ready" not in self.errors.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {self.errors.read_text()}")
            time.sleep(0.02)

    def cpu_ns(self):
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir())

    def rss_mb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        return self.errors.read_text()


def start_agent(folder, binary, *arguments):
    return Child(folder, binary, "run", "--format", "json", *arguments, ready=True)


def ring_full(summary):
    return int(re.search(r"\+ (\d+) ring_full", summary)[1])


def requests(tools, port, count, rate=None):
    command = [str(tools / "http_client"), str(port), str(count), "-"] + ([str(rate)] if rate else [])
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"self_ns (\d+)", output)[1])


def cpu_per_request(tools, binary, folder, rounds=6, count=20_000):
    """Median µs of CPU per request: client and server with nothing, the floor, the agent; and the agent's own."""
    server = Child(folder, tools / "http_server", PORT)
    found = {"nothing": [], "floor": [], "agent": [], "agent_own": []}
    time.sleep(0.2)
    try:
        for _ in range(rounds):
            for mode in ("nothing", "floor", "agent"):
                beside = None
                if mode == "floor":
                    beside = Child(folder, tools / "load_bpf", tools / "floor.bpf.o", ready=True)
                elif mode == "agent":
                    beside = start_agent(folder, binary)
                own = beside.cpu_ns() if mode == "agent" else 0
                before = server.cpu_ns()
                client = requests(tools, PORT, count)
                found[mode].append((server.cpu_ns() - before + client) / count / 1000)
                if mode == "agent":
                    time.sleep(2)  # spans are held; their printing is part of the cost
                    found["agent_own"].append((beside.cpu_ns() - own) / count / 1000)
                if beside:
                    beside.stop(signal.SIGINT)
    finally:
        server.stop()
    return {mode: statistics.median(values) for mode, values in found.items()}


def short_connections(count):
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", NGINX_PORT)) as connection:
            connection.sendall(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while connection.recv(65536):
                pass


def memory(tools, binary, folder):
    """VmRSS, mapped rings included, at a steady rate and after many processes and connections."""
    agent = start_agent(folder, binary)
    result = {"start_rss_mb": agent.rss_mb()}
    client = subprocess.Popen([str(tools / "http_client"), str(NGINX_PORT), "100000", "-", "10000"], stdout=subprocess.DEVNULL)
    peak = 0
    while client.poll() is None:
        peak = max(peak, agent.rss_mb())
        time.sleep(0.1)
    result["rate_rss_mb"] = peak
    for _ in range(1000):
        subprocess.run([str(tools / "http_client"), str(NGINX_PORT), "1", "-"], stdout=subprocess.DEVNULL, check=True)
    short_connections(20_000)
    result["churn_peak_rss_mb"] = agent.rss_mb()  # made as fast as they can be, and held for a second
    time.sleep(4)
    result["churn_rss_mb"] = agent.rss_mb()
    result["ring_full"] = ring_full(agent.stop(signal.SIGINT))
    return result


def wrk(seconds=10):
    output = subprocess.run(["wrk", "-t", "2", "-c", "64", "-d", f"{seconds}s", f"http://127.0.0.1:{NGINX_PORT}/index.html"],
                            capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def saturation(binary, folder):
    """Requests per second that two cores manage without and with the agent, and whether it lost anything."""
    without = wrk()
    agent = start_agent(folder, binary)
    beside = wrk()
    time.sleep(2)
    rss = agent.rss_mb()
    summary = agent.stop(signal.SIGINT)
    return {"without": without, "with": beside, "ring_full": ring_full(summary), "rss_mb": rss, "summary": summary}


def measure(binary, tools):
    saved = STATS.read_text().strip()
    STATS.write_text("0")
    try:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "index.html").write_text("hello world\n")
            os.chmod(folder, 0o755)
            conf = pathlib.Path(folder, "nginx.conf")
            conf.write_text(NGINX_CONF.format(folder=folder))
            result = {"bpf_stats_enabled": {"found": saved, "measured_with": "0"},
                      "cpu_us_per_request": cpu_per_request(tools, binary, folder)}
            nginx = Child(folder, "nginx", "-c", conf)
            time.sleep(0.5)
            try:
                result["memory"] = memory(tools, binary, folder)
                result["saturation"] = saturation(binary, folder)
            finally:
                nginx.stop()
        return result
    finally:
        STATS.write_text(saved)


def show(result):
    cpu, memory_, load = result["cpu_us_per_request"], result["memory"], result["saturation"]
    print("\nthis host, C server, µs of CPU per request, client and server together (interleaved, median)")
    print(f"nothing {cpu['nothing']:.2f}   empty program on the hook {cpu['floor']:.2f}   agent {cpu['agent']:.2f}   "
          f"agent's own process {cpu['agent_own']:.2f}")
    print(f"VmRSS with mapped rings: {memory_['start_rss_mb']:.1f} MiB at start, {memory_['rate_rss_mb']:.1f} at 10,000 requests/s, "
          f"{memory_['churn_rss_mb']:.1f} after 1,000 processes and 20,000 connections "
          f"({memory_['churn_peak_rss_mb']:.1f} while they come); ring_full {memory_['ring_full']}")
    print(f"nginx and wrk at saturation: {load['without']:.0f} requests/s without, {load['with']:.0f} with "
          f"({load['with'] / load['without'] * 100:.0f} %), ring_full {load['ring_full']}, VmRSS {load['rss_mb']:.1f} MiB")
    missed = [f"host: {key} {memory_[key]:.1f} MiB > {TARGETS['rss_mb']}" for key in ("rate_rss_mb", "churn_rss_mb")
              if memory_[key] > TARGETS["rss_mb"]]
    if load["ring_full"] > TARGETS["ring_full"]:
        missed.append(f"host: {load['ring_full']} records lost at saturation")
    return missed
