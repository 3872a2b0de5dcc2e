"""What is selected is seen, and nothing else: a command, a pid, a program, a port, a cgroup."""

import json
import os
import pathlib
import subprocess
import urllib.parse

CGROUPS = [
    path for path in map(pathlib.Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")) if (path / "cgroup.procs").exists()
]


def run(test):
    relay, go = test.relay(), test.go()
    by_command(test, go)
    relay_process, go_process = test.processes[0], test.processes[1]
    for arguments, wanted in {
        ("--pid", relay_process.pid): {("relay", "server")},
        ("--pid", relay_process.pid, "--pid", go_process.pid): {("relay", "server"), ("stock", "server")},
        ("--exe", "*/tracelet-e2e/go/server"): {("stock", "server")},
        ("--exe", "*/curl"): {("relay", "client"), ("stock", "client")},
        ("--port", port_of(relay)): {("relay", "server"), ("relay", "client")},
        ("--port", port_of(relay), "--exe", "*/curl"): {("relay", "client")},
    }.items():
        tracelet = test.tracelet("--netns", "/proc/self/ns/net", *arguments)  # others on this host may curl too
        ask(relay, go)
        check(arguments, tracelet.stop(), wanted)
    by_cgroup(test, relay, go, go_process)


def by_command(test, go):
    """Only the command's tree, from its first request; tracelet ends with it and with its exit status."""
    script = f"curl -so /dev/null {go}/stock/1; (curl -so /dev/null {go}/stock/2; :); exit 7"
    tracelet = test.tracelet(command=["/bin/sh", "-c", script])
    spans = tracelet.wait(10, code=7)
    assert sorted((span.path, span.kind, span.service) for span in spans) == [
        ("/stock/1", "client", "curl"),
        ("/stock/2", "client", "curl"),
    ], spans


def by_cgroup(test, relay, go, process):
    cgroup = CGROUPS[-1] / f"tracelet-e2e-{os.getpid()}"
    inner = cgroup / "inner"
    inner.mkdir(parents=True)
    home = CGROUPS[-1] / "cgroup.procs"
    try:
        (inner / "cgroup.procs").write_text(str(process.pid))
        tracelet = test.tracelet("--cgroup", cgroup)
        ask(relay, go)
        check(("--cgroup", cgroup), tracelet.stop(), {("stock", "server")})
    finally:
        home.write_text(str(process.pid))
        inner.rmdir()
        cgroup.rmdir()


def ask(relay, go):
    for url in (f"{relay}/relay/1", f"{go}/stock/1"):
        reply = subprocess.run(["curl", "-sS", "-d", "{}", url], capture_output=True, check=True).stdout
        assert json.loads(reply)["id"] == "1", reply


def port_of(url):
    return urllib.parse.urlsplit(url).port


def check(arguments, spans, wanted):
    seen = {(span.path.split("/")[1], span.kind) for span in spans}
    print(*arguments, "->", *sorted(map("/".join, seen)))
    assert seen == wanted and len(spans) == len(wanted), f"{arguments}: {seen}, not {wanted}"
