"""The capabilities of the DaemonSet, each taken away in turn: what does not work then, in pods, under the runtime's seccomp."""

import json
import pathlib
import time

from cluster import SHOP, SYSTEM, get, kubectl, until
from limits import process_of

NAMED = "says-its-name"  # a pod, by OTEL_SERVICE_NAME


def change(capabilities):
    daemonset = get("daemonset", "-n", SYSTEM, "tracelet")
    daemonset["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
    (container,) = daemonset["spec"]["template"]["spec"]["containers"]
    container["securityContext"]["capabilities"]["add"] = capabilities
    for field in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        daemonset["metadata"].pop(field, None)
    daemonset.pop("status", None)
    kubectl("replace", "-f", "-", given=json.dumps(daemonset))


def pods_with(capabilities):
    """Of the DaemonSet, once only such are left."""
    def all_new():
        pods = get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=tracelet")["items"]
        added = [pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] for pod in pods]
        return pods if pods and all(one == capabilities for one in added) else None
    return until(all_new, "the pods are not replaced")


def why_not_ready(cluster):
    """None once all agents are ready; what one of them said last when it ended."""
    def settled():
        if len(cluster.agents()) == len(cluster.nodes):
            return ("",)
        for pod in get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=tracelet")["items"]:
            for status in pod["status"].get("containerStatuses", []):
                if status["restartCount"] > 0:
                    said = kubectl("logs", "-n", SYSTEM, pod["metadata"]["name"], "--previous", "--tail=1").strip()
                    return (said or "ended",)
        return None
    return until(settled, "neither ready nor ended", 60)[0] or None


def seen(cluster):
    """(links of Node's calls, whether executables are known, what the pod is called, whether the capture thread goes first)"""
    since = time.time()
    cluster.load(5)
    kubectl("exec", "-n", SHOP, NAMED, "--", "/app/http_client", "8080", "5", "-")

    def spans():
        calls = [span for span in cluster.spans("storefront", since).values() if span.kind == "client"]
        names = [name for name in (NAMED, "http_server") if cluster.spans(name, since)]
        return (calls, names) if len(calls) >= 5 and names else None
    calls, names = until(spans, "Jaeger has not all spans", 30)
    links = {span.tags.get("tracelet.link", span.tags.get("tracelet.link.refused")) for span in calls}
    executables = all("process.executable.path" in span.process for span in calls)
    pid = process_of(cluster.agents()[cluster.nodes[1]])[0]
    niceness = [int(task.read_text().rpartition(")")[2].split()[16]) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    return links, executables, names[0], min(niceness) < 0


def check(cluster):
    (container,) = get("daemonset", "-n", SYSTEM, "tracelet")["spec"]["template"]["spec"]["containers"]
    all_of_them = container["securityContext"]["capabilities"]["add"]
    server = {"name": "server", "image": "localhost/shop:1", "imagePullPolicy": "Never", "command": ["/app/http_server", "8080"],
              "env": [{"name": "OTEL_SERVICE_NAME", "value": NAMED}]}
    kubectl("apply", "-n", SHOP, "-f", "-", given=json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAMED},
         "spec": {"nodeSelector": {"kubernetes.io/hostname": cluster.nodes[1]}, "terminationGracePeriodSeconds": 1, "containers": [server]}}))
    kubectl("wait", "-n", SHOP, "--for=condition=Ready", f"pod/{NAMED}", "--timeout=60s")
    everything = ({"loop"}, True, NAMED, True)
    try:
        for missing in [None, *all_of_them]:
            # SYS_ADMIN includes these two: what it is there for, older kernels do without.
            without = {missing, "SYS_ADMIN"} if missing in ("BPF", "PERFMON") else {missing}
            capabilities = [name for name in all_of_them if name not in without]
            change(capabilities)
            pods_with(capabilities)
            said = why_not_ready(cluster)
            found = None if said else seen(cluster)
            print(f"  without {missing or 'none'}: {said or found}")
            links, executables, name, first = everything
            expected = {None: everything, "BPF": None, "PERFMON": None, "SYS_NICE": (links, executables, name, False),
                        "DAC_READ_SEARCH": (links, executables, "http_server", first),
                        "SYS_PTRACE": (links, False, name, first), "SYS_ADMIN": (found and found[0], executables, name, first)}
            if missing == "SYS_PTRACE" and found:  # whether PERFMON opens the environment depends on the kernel
                assert not found[1], found
            else:
                assert found == expected[missing], (found, expected[missing])
            assert missing != "SYS_ADMIN" or found[0] != {"loop"}, found
    finally:
        change(all_of_them)
        kubectl("delete", "-n", SHOP, f"pod/{NAMED}", "--wait=false")
        pods_with(all_of_them)
        until(lambda: len(cluster.agents()) == len(cluster.nodes), "the agents are not ready again")
