"""Received spans, side by side with the real jaeger-agent 1.53: the same packets, the same sink that only counts.

Both run with their defaults in one network namespace of their own, one after the other at each step."""

import ctypes
import json
import mmap
import os
import pathlib
import re
import signal
import struct
import subprocess
import tempfile
import time
import urllib.request

import programs

RATES = (10_000, 50_000, 100_000, 200_000)
SPANS_PER_PACKET = (1, 5, 40)
BURSTS = (1, 16)
SECONDS = 4
SETTLE = 12  # at most, for what is queued
BURST_PACKETS = 2_000
CLONE_NEWNET = 0x40000000  # linux/sched.h
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
REFERENCE = CACHE / "tracelet-e2e/jaeger-agent/agent"
TARGET_CPU, TARGET_RSS_MB = 1 / 6, 40


class Sink:
    """A collector that counts: (spans, calls)."""

    def __init__(self, program, port):
        self.file = tempfile.NamedTemporaryFile(prefix="span-sink-")
        self.process = subprocess.Popen([program, f"127.0.0.1:{port}", self.file.name])
        time.sleep(0.5)
        self.memory = mmap.mmap(self.file.fileno(), 16, access=mmap.ACCESS_READ)

    def counts(self):
        return struct.unpack("QQ", self.memory[:16])


class Agent:
    def __init__(self, command, sink_port):
        flags = [f"--reporter.grpc.host-port=127.0.0.1:{sink_port}", "--admin.http.host-port=127.0.0.1:14271"]
        self.process = subprocess.Popen([*command, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.metrics()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(0.3)

    def cpu_s(self):
        """Of all threads that live, to the nanosecond."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory_mb(self, key):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{key}:\s+(\d+)", status)[1]) / 1024

    def metrics(self):
        with urllib.request.urlopen("http://127.0.0.1:14271/metrics", timeout=5) as answer:
            return answer.read().decode()

    def kernel_drops(self):
        """Of the socket of 6831, as /proc says it for any program."""
        rows = [line.split() for name in ("udp", "udp6") for line in open(f"/proc/net/{name}").readlines()[1:]]
        return sum(int(row[-1]) for row in rows if row[1].endswith(f":{6831:04X}"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def step(agent, sink, load, spans, rate, burst, packets):
    """Sends, waits until nothing more arrives, and says what it cost."""
    before, cpu = sink.counts(), agent.cpu_s()
    drops = agent.kernel_drops()
    process = subprocess.Popen([load, "6831", str(spans), str(rate), str(burst), str(packets)], stdout=subprocess.PIPE)
    rss = 0
    while process.poll() is None:
        rss = max(rss, agent.memory_mb("VmRSS"))
        time.sleep(0.1)
    sent = json.loads(process.stdout.read())
    total = packets * spans
    end, last, since = time.monotonic() + SETTLE, None, time.monotonic()
    while time.monotonic() < end:
        now = sink.counts()
        if now != last:
            last, since = now, time.monotonic()
        if now[0] - before[0] >= total or time.monotonic() > since + 2.5:
            break
        rss = max(rss, agent.memory_mb("VmRSS"))
        time.sleep(0.05)
    after = sink.counts()
    delivered = after[0] - before[0]
    return {"spans_per_packet": spans, "rate": rate, "burst": burst, "sent": total, "delivered": delivered,
            "sent_per_s": round(total / sent["seconds"]), "packet_bytes": sent["packet_bytes"],
            "loss": 1 - delivered / total, "calls": after[1] - before[1],
            "cpu_s_per_million": (agent.cpu_s() - cpu) / max(delivered, 1) * 1e6, "rss_mb": rss,
            "kernel_drops": agent.kernel_drops() - drops}


def run_in_namespace(binary, binaries, quick):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare: are you root?")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    load, sink_program = binaries
    sink = Sink(sink_program, 14250)
    commands = {"jaeger-agent": [REFERENCE], "tracelet": [binary, "agent"]}
    rows, bursts = [], []
    try:
        for spans in SPANS_PER_PACKET if not quick else (5,):
            for rate in RATES if not quick else (50_000,):
                for burst in BURSTS:
                    for name, command in commands.items():
                        agent = Agent(command, 14250)
                        packets = rate * SECONDS // spans
                        row = step(agent, sink, load, spans, rate, burst, packets)
                        row |= {"agent": name, "peak_mb": agent.memory_mb("VmHWM"), "load": os.getloadavg()[0]}
                        agent.stop()
                        rows.append(row)
                        print(line(row), flush=True)
        for name, command in commands.items():
            agent = Agent(command, 14250)
            row = step(agent, sink, load, 5, 0, 64, BURST_PACKETS) | {"agent": name}
            agent.stop()
            bursts.append(row)
            print(f"{name}: {BURST_PACKETS} packets of {row['packet_bytes']} bytes back to back: "
                  f"{row['delivered'] // 5} arrive, {row['kernel_drops']} dropped by the kernel", flush=True)
    finally:
        sink.process.kill()
        sink.process.wait()
    return {"steps": rows, "bursts": bursts}


def measure(root, binary, preset, quick=False):
    binaries = programs.build(root, preset, "udp_load", "span_sink")
    result = tempfile.NamedTemporaryFile(prefix="udp-bench-")
    child = os.fork()  # a namespace cannot be left
    if child == 0:
        status = 1
        try:
            pathlib.Path(result.name).write_text(json.dumps(run_in_namespace(binary, binaries, quick)))
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("tests/bench/run: udp failed")
    return json.loads(pathlib.Path(result.name).read_text())


def line(row):
    return (f"{row['agent']:<13}{row['spans_per_packet']:>3} per packet {row['rate']:>7} spans/s by {row['burst']:>2}: "
            f"sent {row['sent_per_s']:>7}/s  loss {row['loss'] * 100:6.2f} %  {row['cpu_s_per_million']:6.2f} s CPU per million  "
            f"RSS {row['rss_mb']:5.1f} MB, peak {row['peak_mb']:5.1f}  calls {row['calls']:>6}")


def show(report):
    """A table for the README; returns what is missed."""
    missed = []
    print("\n| spans per packet | spans/s | burst | CPU s per million, jaeger-agent | tracelet | ratio | "
          "loss, jaeger-agent | tracelet | RSS MB, jaeger-agent | tracelet |\n|---|---|---|---|---|---|---|---|---|---|")
    steps = report["steps"]
    for theirs, ours in zip(steps[::2], steps[1::2]):
        ratio = ours["cpu_s_per_million"] / theirs["cpu_s_per_million"]
        what = f"{ours['spans_per_packet']} per packet, {ours['rate']} spans/s by {ours['burst']}"
        print(f"| {ours['spans_per_packet']} | {ours['rate'] // 1000} k | {ours['burst']} | "
              f"{theirs['cpu_s_per_million']:.2f} | {ours['cpu_s_per_million']:.2f} | 1/{1 / ratio:.1f} | "
              f"{theirs['loss'] * 100:.2f} % | {ours['loss'] * 100:.2f} % | {theirs['rss_mb']:.0f} | {ours['rss_mb']:.0f} |")
        if ratio > TARGET_CPU:
            missed.append(f"udp: {what}: CPU 1/{1 / ratio:.1f} of the reference's, not 1/6")
        if ours["loss"] > 0 and ours["spans_per_packet"] >= 5 and ours["rate"] <= 100_000:
            missed.append(f"udp: {what}: loss {ours['loss'] * 100:.2f} %")
        if ours["rate"] <= 50_000 and ours["rss_mb"] > TARGET_RSS_MB:
            missed.append(f"udp: {what}: RSS {ours['rss_mb']:.0f} MB")
    for row in report["bursts"]:
        print(f"\n{row['agent']}: {BURST_PACKETS} packets of {row['packet_bytes']} bytes back to back: "
              f"{row['delivered'] // 5} arrive")
        if row["agent"] == "tracelet" and row["loss"] > 0:
            missed.append(f"udp: a burst loses {row['loss'] * 100:.2f} %")
    return missed
