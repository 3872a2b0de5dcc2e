"""What the agent costs in instructions: the counting VM. See ../shared/vm/README.md for how it counts."""

import collections
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kernels"))
import vm  # noqa: E402

REQUESTS = 200
KERNELS = ("6.1", "6.12")
# Those that are asked, their ports, and whom they ask for each request: the one in C. Of runtimes(), to see what links cost.
C = "http://127.0.0.1:8101/"
SERVERS = {"c": "8101", "nginx": "8102", "nginx-sendfile": "8103", "go": "8104", "go-call": f"8105 {C}"}
RUNTIMES = {"go": "8104", "go-call": f"8105 {C}", "python": "8106", "python-call": f"8107 {C}", "node": "8108",
            "node-call": f"8109 {C}", "node-unlinked-call": f"8110 {C}", "java": "8111", "java-call": f"8112 {C}"}
# The strongest peer's BPF per request, in thousands, as measured the same way on 6.1 (../shared/vm/README.md).
PEER = {"go": 71.6, "go-call": 266.9, "python-call": 195.4}
PACKAGES = ("aiohttp", "aiosignal", "aiohappyeyeballs", "attr", "frozenlist", "idna", "multidict", "propcache", "yarl",
            "typing_extensions.py")
# Per request and in all, from the issue that asked for the first slice. The others are shown, not judged.
TARGETS = {"bpf": 8000, "ratio": 1.25, "unselected": 1.08, "user": 40_000, "start": 0.6e9}
PROBES = ("python_", "go_", "loop_")  # programs that only links need
JUDGED = ("c", "nginx")
STARTS = ("start", "start-tls")  # beside the C server alone, and beside nginx, which brings OpenSSL: shown, not judged


def compile_tools(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, libs in (("http_server", []), ("http_client", []), ("load_bpf", ["-lbpf"])):
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(folder / name), str(HERE / f"{name}.c"), *libs], check=True)
    subprocess.run(["clang", "-target", "bpf", "-O2", "-g", "-mcpu=v3", "-idirafter", "/usr/include/x86_64-linux-gnu",
                    "-c", str(HERE / "floor.bpf.c"), "-o", str(folder / "floor.bpf.o")], check=True)
    subprocess.run(["go", "build", "-o", str(folder / "http_server_go"), str(HERE / "http_server.go")], check=True,
                   env=dict(os.environ, CGO_ENABLED="0"))
    return [folder / name for name in ("http_server", "http_server_go", "http_client", "load_bpf", "floor.bpf.o")]


def parse(output):
    """{(scenario, server): {key: [numbers]}}; programs as "prog NAME": [(runs, ns)]."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in output.splitlines():
        words = line.split()
        if len(words) == 4 and words[3].isdigit():
            found[words[0], words[1]][words[2]].append(int(words[3]))
        elif len(words) == 6 and words[2] == "prog":
            found[words[0], words[1]][f"prog {words[3]}"].append((int(words[4]), int(words[5])))
    return found


def per_request(values):
    return statistics.median(values) / REQUESTS


def programs(values):
    """{program: (runs, instructions)} per request."""
    return {key.split()[1]: tuple(round(n / REQUESTS, 2) for n in value[0])
            for key, value in values.items() if key.startswith("prog ")}


def row_of(kernel, found, server):
    """What a server costs without and with the agent."""
    base, agent = (found[scenario, server] for scenario in ("base", "agent"))
    row = {"kernel": kernel, "server": server, "base": per_request(base["app_ns"]), "with": per_request(agent["app_ns"]),
           "programs": programs(agent)}
    row["ratio"] = row["with"] / row["base"]
    row["bpf"] = sum(ns for _, ns in row["programs"].values())
    row["runs"] = sum(runs for runs, _ in row["programs"].values())
    row["user"] = (statistics.median(agent["agent_ns"]) - agent["agent_none_ns"][0]) / REQUESTS
    return row


def summarize(kernel, found, servers):
    """One record per server, and one for the start."""
    rows = []
    for server in servers:
        row, other = row_of(kernel, found, server), found["unselected", server]
        row["floor"] = per_request(found["floor", server]["app_ns"])
        row["unselected_programs"] = programs(other)
        row["unselected"] = per_request(other["app_ns"]) / row["base"]
        rows.append(row)
    starts = [{"kernel": kernel, "name": name, "start": start["first_span_ns"][0], "ready": start["ready_ns"][0],
               "rss_kb": start["rss_kb"][0]} for name in STARTS for start in [found[name, "-"]]]
    return rows, starts


def packages():
    """What http_server.py needs, as tests/e2e/install has installed it; empty where it has not."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tracelet-e2e"
    folder = next(cache.glob("python-async/venv/lib/*/site-packages"), None)
    return [folder / name for name in PACKAGES] if folder else []


def add_python(job):
    if not packages():
        raise RuntimeError("there is no aiohttp: tests/e2e/install")
    (job / "python").mkdir()
    for package in packages():
        copy = shutil.copytree if package.is_dir() else shutil.copy
        copy(package, job / "python" / package.name)


def add_libraries(job, binary):
    for path in vm.libraries(binary):
        shutil.copy(path, job / "lib")


def add_node(job):
    """As `node`, which tracelet knows, and as `other`, which it does not."""
    node = shutil.which("node")
    if not node:
        raise RuntimeError("there is no node")
    (job / "node").mkdir()
    for name in ("node", "other"):
        shutil.copy(node, job / "node" / name)
    add_libraries(job, node)


def add_java(job):
    """A runtime with what the server needs, of this machine's JDK."""
    if not shutil.which("jlink"):
        raise RuntimeError("there is no JDK with jlink")
    subprocess.run(["jlink", "--add-modules", "java.base,jdk.httpserver", "--strip-debug", "--output", str(job / "java")], check=True)
    subprocess.run(["javac", "-d", str(job), str(HERE / "HttpServerBench.java")], check=True)
    add_libraries(job, job / "java/lib/server/libjvm.so")


def count(kernel, build, binary, tools, servers, scenarios="base floor agent unselected", rounds=3, add=()):
    """What the guest says, parsed. `add` puts more into its folder."""
    files = [*tools, *(HERE / "guest").iterdir(), HERE / "http_server.py", HERE / "http_server.js"]
    job = vm.make_job(build / f"counting-{kernel}", files, binary)
    (job / "servers").write_text("".join(f"{name} {address}\n" for name, address in servers.items()))
    for one in add:
        one(job)
    command = f"REQUESTS={REQUESTS} ROUNDS={rounds} SCENARIOS='{scenarios}' bash /job/cost.sh"
    succeeded, output = vm.run(kernel, job, command, counting=True, guest_seconds=900, host_seconds=2400)
    (job / "output.txt").write_text(output)
    if not succeeded:
        raise RuntimeError(f"the counting VM failed, see {job}/output.txt")
    return parse(output)


def measure(kernel, build, binary, tools):
    return summarize(kernel, count(kernel, build, binary, tools, SERVERS), SERVERS)


def runtimes(kernel, build, binary, tools):
    """What the link rules of Go, Python, Node and Java cost."""
    found = count(kernel, build, binary, tools, RUNTIMES, "base agent", 5, (add_python, add_node, add_java))
    return [row_of(kernel, found, server) for server in RUNTIMES]


def show_runtimes(rows):
    print("\nthousand instructions per request, and of BPF programs: of all, and of the probes that only links need")
    print(f"{'kernel':8}{'server':20}{'base':>9}{'with':>9}{'×':>7}{'BPF':>8}{'probes':>8}{'runs':>6}{'peer':>8}")
    for row in rows:
        probes = {name: cost for name, cost in row["programs"].items() if name.startswith(PROBES)}
        row["probes"] = sum(ns for _, ns in probes.values())
        print(f"{row['kernel']:8}{row['server']:20}{row['base'] / 1e3:9.1f}{row['with'] / 1e3:9.1f}{row['ratio']:7.3f}"
              f"{row['bpf'] / 1e3:8.1f}{row['probes'] / 1e3:8.1f}{row['runs']:6.1f}{PEER.get(row['server'], ''):>8}")
        print("        ", row["programs"])


def show(rows, starts):
    """Prints the tables; returns the targets that were missed."""
    missed = []
    print(f"\ninstructions per request, client and server together ({REQUESTS} keep-alive requests, counting VM)")
    print(f"{'kernel':8}{'server':16}{'base':>9}{'floor':>9}{'with':>9}{'×':>7}{'BPF':>8}{'runs':>6}"
          f"{'not selected ×':>16}{'user space':>12}")
    for row in rows:
        print(f"{row['kernel']:8}{row['server']:16}{row['base']:9.0f}{row['floor']:9.0f}{row['with']:9.0f}{row['ratio']:7.3f}"
              f"{row['bpf']:8.0f}{row['runs']:6.1f}{row['unselected']:16.3f}{row['user']:12.0f}")
        if row["server"] in JUDGED:
            missed += [f"{row['kernel']} {row['server']}: {key} {row[key]:.6g} > {TARGETS[key]:g}"
                       for key in ("bpf", "ratio", "unselected", "user") if row[key] > TARGETS[key]]
    for start in starts:
        print(f"{start['kernel']:8}{start['name']:10} ready after {start['ready'] / 1e9:.3f} G instructions, first span after "
              f"{start['start'] / 1e9:.3f} G, VmRSS {start['rss_kb'] / 1024:.1f} MiB")
        if start["name"] == "start" and start["start"] > TARGETS["start"]:
            missed.append(f"{start['kernel']} start: {start['start'] / 1e9:.3f} G > {TARGETS['start'] / 1e9:g} G")
    return missed
