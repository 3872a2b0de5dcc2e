#!/usr/bin/env python3
"""What a request by TLS costs: µs of CPU of nginx and its client, without tracelet, with empty probes on the same
functions, with tracelet without TLS, and with it. And which system calls an application makes more.

  unshare -n tests/bench/tls.py [BUILD]    as root; build/release by default"""

import collections
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROUNDS, REQUESTS = 5, 12_000
NGINX = """
daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr error; events {}
http { access_log off; keepalive_requests 1000000; ssl_certificate cert.pem; ssl_certificate_key key.pem;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server { listen 127.0.0.1:8443 ssl; location / { return 200 "hello"; } } }
"""
APPLICATION = """
import http.client, ssl
connection = http.client.HTTPSConnection("127.0.0.1", 8443, context=ssl._create_unverified_context())
for _ in range(500):
    connection.request("GET", "/x")
    assert connection.getresponse().read() == b"hello"
"""


def start(command, folder, log):
    with open(folder / log, "w", encoding="utf-8") as output:
        process = subprocess.Popen([str(word) for word in command], cwd=folder, stderr=output, stdout=subprocess.DEVNULL)
    while "ready" not in (folder / log).read_text() and "nginx" not in log:
        assert process.poll() is None, (folder / log).read_text()
    return process


def on_cpu_ns(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def load(worker):
    """µs of CPU per request."""
    before = on_cpu_ns(worker)
    client = subprocess.Popen(["h2load", "--h1", "-n", str(REQUESTS), "-c", "2", "https://127.0.0.1:8443/x"], stdout=subprocess.PIPE)
    output = client.stdout.read()
    _, status, used = os.wait4(client.pid, 0)
    assert status == 0 and b"%d succeeded" % REQUESTS in output, output
    return ((on_cpu_ns(worker) - before) / 1000 + (used.ru_utime + used.ru_stime) * 1e6) / REQUESTS


def system_calls(folder):
    subprocess.run(["strace", "-f", "-o", "calls", "/usr/bin/python3", "-c", APPLICATION], cwd=folder, check=True)
    return collections.Counter(re.findall(r"^\d+ +(\w+)\(", (folder / "calls").read_text(), re.M))


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent / "build/release").resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tracelet-tls-"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem",
                    "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)  # fmt: skip
    subprocess.run(["clang", "-target", "bpf", "-O2", "-g", "-idirafter", "/usr/include/x86_64-linux-gnu", "-c",
                    HERE / "floor_tls.bpf.c", "-o", folder / "floor.o"], check=True)  # fmt: skip
    subprocess.run(["cc", "-O1", HERE / "load_bpf.c", "-o", folder / "load_bpf", "-lbpf"], check=True)
    (folder / "nginx.conf").write_text(NGINX)
    off = '[admin]\nlisten = ""\n[ingest.zipkin_compact]\nlisten = ""\n'
    (folder / "off.toml").write_text(off + "[source.tls]\nenabled = false\n")
    (folder / "on.toml").write_text(off + "[source.tls]\nmax_cpu = 100\n")  # they are to stay
    agent = [build / "tracelet", "agent", "--config"]
    ways = {
        "nothing": None,
        "empty probes": [folder / "load_bpf", folder / "floor.o"],
        "tracelet, TLS off": [*agent, folder / "off.toml"],
        "tracelet": [*agent, folder / "on.toml"],
    }
    nginx = start(["nginx", "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"], folder, "nginx.log")
    try:
        while not (children := pathlib.Path(f"/proc/{nginx.pid}/task/{nginx.pid}/children").read_text().split()):
            pass
        costs, calls = {way: [] for way in ways}, {}
        for turn in range(ROUNDS):
            for way, command in ways.items():
                process = command and start(command, folder, f"{way}-{turn}.log")
                try:
                    load(children[0])
                    costs[way].append(load(children[0]))
                    if turn == 0:
                        calls[way] = system_calls(folder)
                finally:
                    if process:
                        process.send_signal(signal.SIGINT)
                        process.wait()
        for way, each in costs.items():
            print(f"{way:<20}{statistics.median(each):>8.2f} µs per request   ({min(each):.2f} to {max(each):.2f})")
        for way, made in calls.items():
            more = {name: made[name] - calls["nothing"][name] for name in sorted({*made, *calls["nothing"]})}
            print(f"{way:<20}{made.total():>8} system calls of 500 requests, more: {({k: v for k, v in more.items() if v}) or 'none'}")
    finally:
        nginx.terminate()
        nginx.wait()


if __name__ == "__main__":
    main()
