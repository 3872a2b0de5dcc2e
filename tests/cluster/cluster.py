"""What the checks of tests/cluster/run know of the cluster: kubectl, the agents, the shop, and what Jaeger says."""

import json
import os
import pathlib
import shlex
import subprocess
import time

KUBECTL = shlex.split(os.environ.get("KUBECTL", "kubectl"))
SYSTEM, SHOP = "observability", "shop"
SERVICES = {"storefront": "checkout", "price-list": "prices", "orders": "orders"}  # service.name: app


def output(*command, given=None):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, input=given).stdout


def kubectl(*words, given=None):
    return output(*KUBECTL, *words, given=given)


def get(kind, *words):
    return json.loads(kubectl("get", kind, "-o", "json", *words))


def until(holds, what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end, what
        time.sleep(0.5)


class Cluster:
    def __init__(self):
        nodes = get("nodes")["items"]
        self.nodes = [node["metadata"]["name"] for node in nodes]
        assert len(self.nodes) >= 4, self.nodes

    def address(self, service):
        return get("service", "-n", SHOP, service)["spec"]["clusterIP"]

    def agents(self):
        """{node: pod} of those that are ready."""
        ready = {}
        for pod in get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=tracelet")["items"]:
            conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
            if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
                ready[pod["spec"]["nodeName"]] = pod["metadata"]["name"]
        return ready

    def metrics(self, pod):
        text = kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{pod}:14271/proxy/metrics")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def jaeger(self, path):
        return json.loads(kubectl("get", "--raw", f"/api/v1/namespaces/{SHOP}/services/jaeger:query/proxy/api/{path}"))["data"]

    def spans(self, service, since):
        """Of one service, that began after `since` (time.time())."""
        found = {}
        for trace in self.jaeger(f"traces?service={service}&limit=20000&start={int(since * 1e6)}&end={int(time.time() * 1e6)}") or []:
            for span in trace["spans"]:
                process = trace["processes"][span["processID"]]
                if process["serviceName"] == service:
                    found[span["spanID"]] = Span(span, process)
        return found

    def load(self, requests=20, concurrency=1, seconds=None, app="checkout", path="/checkout"):
        command = ["python3", "load.py", f"http://{self.address(app)}{path}", str(requests), str(concurrency)]
        command += [str(seconds)] if seconds else []
        return json.loads(kubectl("exec", "-n", SHOP, "load", "--", *command))

    def begin_load(self, concurrency, seconds):
        """Goes on without the API server; end_load() says what came of it."""
        url = f"http://{self.address('checkout')}/checkout"
        script = f"rm -f /tmp/load; setsid python3 load.py {url} 0 {concurrency} {seconds} >/tmp/load.part 2>&1 && mv /tmp/load.part /tmp/load"
        kubectl("exec", "-n", SHOP, "load", "--", "sh", "-c", f"({script}) </dev/null >/dev/null 2>&1 &")

    def end_load(self):
        text = until(lambda: kubectl("exec", "-n", SHOP, "load", "--", "sh", "-c", "cat /tmp/load 2>/dev/null || true"),
                     "the load does not end", 120)
        return json.loads(text)


class Span:
    def __init__(self, fields, process):
        self.id, self.trace, self.start_us = fields["spanID"], fields["traceID"], fields["startTime"]
        self.parents = [ref["spanID"] for ref in fields["references"] if ref["refType"] == "CHILD_OF"]
        self.tags = {tag["key"]: tag["value"] for tag in fields["tags"]}
        self.kind = self.tags.get("span.kind", "")
        self.service = process["serviceName"]
        self.process = {tag["key"]: tag["value"] for tag in process["tags"]}
