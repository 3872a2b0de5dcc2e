"""What agents take of their limits, and what they lose."""

import os
import pathlib

from cluster import SYSTEM, get


def dropped(metrics, before=None):
    """What was lost, and why; since `before`, an earlier reading."""
    lost = {name: int(value - (before or {}).get(name, 0)) for name, value in metrics.items() if "_dropped_total" in name}
    return {name: count for name, count in lost.items() if count}


def process_of(pod):
    """(pid, seconds of CPU, MiB) of a pod's agent; only where the nodes share this kernel."""
    uid = get("pod", "-n", SYSTEM, pod)["metadata"]["uid"]
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if uid in (folder / "cgroup").read_text() and "tracelet" in (folder / "comm").read_text():
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                memory = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
                return int(folder.name), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(memory["VmHWM"].split()[0]) // 1024
        except OSError:
            pass
    return 0, 0, 0


def throttled(pid):
    """Periods of the CPU limit, and those in which it was reached; None where there is no limit."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        folder = f"/sys/fs/cgroup/{controllers}{path}"  # version 2 has no controllers here
        try:
            stat = dict(line.split() for line in pathlib.Path(folder, "cpu.stat").read_text().splitlines())
            return int(stat["nr_periods"]), int(stat["nr_throttled"])
        except (OSError, KeyError):
            pass
    return None


def measured(cluster, load):
    """What the agents take of their limits, and lose, while `load()` runs; it returns (requests, seconds)."""
    agents = cluster.agents()
    before = {node: (process_of(pod), cluster.metrics(pod)) for node, pod in agents.items()}
    limits = {node: throttled(pid) for node, ((pid, _, _), _) in before.items()}
    requests, seconds = load()
    print(f"{requests / seconds:.0f} requests/s for {seconds:.0f} s")
    made = {}
    for node, pod in sorted(agents.items()):
        (pid, used, _), old = before[node]
        _, now, memory = process_of(pod)
        after = cluster.metrics(pod)
        made[node] = int(after["tracelet_spans_assembled_total"] - old["tracelet_spans_assembled_total"])
        periods, reached = (late - early for early, late in zip(limits[node] or (0, 0), throttled(pid) or (0, 0)))
        print(f"  {node:<14} {made[node]:6} spans, {(now - used) / seconds * 100:5.1f} % of a CPU, limit reached in {reached} of {periods} periods, at most {memory} MiB; "
              f"dropped {dropped(after, old) or 0}")
        assert memory < 512, memory
    return made
