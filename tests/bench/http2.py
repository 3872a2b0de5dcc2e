#!/usr/bin/env python3
"""What HTTP/2 costs beside HTTP/1.1, of the same server and client, nginx and h2load; and with nghttpd.

  tests/bench/http2.py counting [KERNEL]    instructions per request, in a virtual machine that counts them
  unshare -n tests/bench/http2.py rate      10,000 requests/s for 8 s on this host: what is lost, the agent's CPU

As root, with build/release."""

import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import counting as counted  # noqa: E402
import host  # noqa: E402

TRACELET = ROOT / "build/release/tracelet"
REQUESTS = 1000
SECONDS, CLIENTS, RATE = 8, 4, 10_000


def counting(kernel):
    job = counted.vm.make_job(ROOT / "build/bench/http2", list((HERE / "guest").iterdir()), TRACELET)
    for name in ("h2load", "nghttpd"):
        shutil.copy(shutil.which(name), job / f"{name}.bin")
        for library in counted.vm.libraries(job / f"{name}.bin"):
            shutil.copy(library, job / "lib")
        (job / name).write_text(f'#!/bin/sh\nLD_LIBRARY_PATH=/job/lib exec /job/{name}.bin "$@"\n')
        (job / name).chmod(0o755)
    succeeded, output = counted.vm.run(kernel, job, f"REQUESTS={REQUESTS} bash /job/http2.sh", counting=True,
                                       guest_seconds=600, host_seconds=1800)  # fmt: skip
    (job / "output.txt").write_text(output)
    if not succeeded:
        sys.exit(f"the counting VM failed, see {job}/output.txt")
    found = counted.parse(output)
    print(f"thousand instructions per request, client and server together, {kernel}")
    print(f"{'':<28}{'without':>9}{'with':>8}{'':>8}{'BPF':>7}{'runs':>6}{'agent':>8}")
    for server in [server for scenario, server in found if scenario == "base"]:
        base, agent = found["base", server], found["agent", server]
        without, beside = (statistics.median(each["app_ns"]) / REQUESTS for each in (base, agent))
        own = (statistics.median(agent["agent_ns"]) - agent["agent_none_ns"][0]) / REQUESTS
        name = server.replace(",", ", ").replace("_", " ")
        print(f"{name:<28}{without / 1e3:9.1f}{beside / 1e3:8.1f}  ×{beside / without:5.2f}"
              f"{agent['bpf_ns'][0] / REQUESTS / 1e3:7.1f}{agent['bpf_runs'][0] / REQUESTS:6.1f}{own / 1e3:8.1f}")  # fmt: skip


def rate():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path("/tmp/www").mkdir(exist_ok=True)
        pathlib.Path("/tmp/www/index.html").write_text("hello world\n")
        nginx = host.Child(folder, "nginx", "-c", HERE / "guest/http2.conf")
        nghttpd = host.Child(folder, "nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", "/tmp/www", 8203)
        try:
            for name, port, flags in (
                ("nginx, HTTP/1.1", 8201, ["--h1", "-m1"]),
                ("nginx, HTTP/2", 8202, ["-m10"]),
                ("nghttpd, HTTP/2", 8203, ["-m10"]),
            ):
                print(f"{name:<18}{run_at_rate(folder, port, flags)}", flush=True)
        finally:
            nginx.stop()
            nghttpd.stop()


def run_at_rate(folder, port, flags):
    agent = host.start_agent(folder, TRACELET, "--port", port)
    before = agent.cpu_ns()
    command = ["h2load", "-D", SECONDS, "-c", CLIENTS, "--rps", RATE // CLIENTS, *flags, f"http://127.0.0.1:{port}/index.html"]
    output = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) succeeded", output)[1])
    time.sleep(2)  # spans are held, and printed
    own = agent.cpu_ns() - before
    summary = agent.stop(signal.SIGINT)
    served, made = (int(count) for count in re.search(r"(\d+) requests served and (\d+) made", summary).groups())
    linked = int((re.search(r"sequence (\d+)", summary) or [0, 0])[1])
    return (f"{requests} requests, {requests / SECONDS:.0f}/s: {served} server and {made} client spans, {linked} linked, "
            f"{host.ring_full(summary)} records lost, agent {own / requests / 1000:.1f} µs per request")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["counting"]:
        counting(sys.argv[2] if len(sys.argv) > 2 else "6.12")
    elif sys.argv[1:] == ["rate"]:
        rate()
    else:
        sys.exit(__doc__)
