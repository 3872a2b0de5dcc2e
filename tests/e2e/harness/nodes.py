"""Several nodes on this machine: a network namespace each, with an agent that sees only it, behind a
router (the case's own namespace) that does for Services what kube-proxy does: DNAT."""

import ctypes
import os
import subprocess
import threading
import urllib.request

from harness.jaeger import closed
from harness.test import APPS, CLONE_NEWNET, PYTHON
from harness.tracelet import Span
from harness.waiting import until

AGENT_PORT = 14280
ADMIN_PORT = 14271

# Beside other tests an agent may be kept waiting for longer than the defaults are. Continues [peer].
PATIENT = """
timeout_ms = 2000
patience_ms = 4000
[span]
hold_ms = 5000
"""

# Ports that every agent would open.
JUST_CAPTURE = closed("zipkin_compact", "jaeger_compact", "jaeger_binary", "sampling")


def sh(command):
    subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)


class Node:
    def __init__(self, test, number):
        self.test = test
        self.number = number
        self.address = f"10.77.{number}.2"
        self.service_address = f"10.96.0.{number}"
        self.holder = test.start(["unshare", "-n", "sleep", "infinity"])
        namespace = f"/proc/{self.holder.pid}/ns/net"
        until(lambda: os.stat(namespace).st_ino != os.stat("/proc/self/ns/net").st_ino, "no namespace")
        sh(f"ip link add node{number} type veth peer name eth0 netns {self.holder.pid}")
        sh(f"ip address add 10.77.{number}.1/24 dev node{number}")
        sh(f"ip link set node{number} up")
        for command in (
            "ip link set lo up",
            f"ip address add {self.address}/24 dev eth0",
            "ip link set eth0 up",
            f"ip route add default via 10.77.{number}.1",
        ):
            sh(" ".join([*self.enter(), command]))
        self.next_port = 8000
        self.agent = None
        self.spans_file = test.directory / f"node{number}.jsonl"

    def call_from_a_pod(self):
        """From now on what is here calls from an address that is not the node's, as pods do."""
        for command in (
            f"ip address add 10.77.{self.number}.3/24 dev eth0",
            f"ip route replace default via 10.77.{self.number}.1 src 10.77.{self.number}.3",
        ):
            sh(" ".join([*self.enter(), command]))

    def enter(self):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]

    def inside(self, function, *arguments):
        """Runs it in a thread of this namespace, and returns what it returns."""
        result = []

        def run():
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/proc/{self.holder.pid}/ns/net", "rb") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            result.append(function(*arguments))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert result, "it failed"
        return result[0]

    def start(self, command, environment=None, **options):
        return self.test.start([*self.enter(), *command], environment, **options)

    def relay(self, next="", keep_alive=False):
        """Served at its Service's address: http://SERVICE:PORT"""
        self.next_port += 1
        environment = dict(HOST=self.address, PORT=str(self.next_port), NEXT=next, KEEP_ALIVE=str(int(keep_alive)))
        self.start([PYTHON, APPS / "relay.py"], environment, name=f"relay{self.number}")
        self.test.wait_for((self.address, self.next_port))
        return self.service(self.next_port)

    def service(self, port):
        sh(
            f"iptables -w -t nat -A PREROUTING -p tcp -d {self.service_address} --dport {port}"
            f" -j DNAT --to-destination {self.address}:{port}"
        )
        return f"http://{self.service_address}:{port}"

    # --- the agent

    def start_agent(self, toml, hosts=None):
        """On this namespace alone, spans to a file; `hosts` is its /etc/hosts."""
        path = self.test.directory / f"node{self.number}.toml"
        path.write_text(
            f"""
[selector]
netns = "/proc/self/ns/net"
[admin]
listen = "{self.address}:{ADMIN_PORT}"
[exporter.file]
path = "{self.spans_file}"
[exporter.file.delivery]
batch_age_ms = 100
{toml}
"""
        )
        command = [self.test.binary, "agent", "--config", path]
        if hosts:
            command = ["unshare", "-m", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh", *command]
        self.agent = self.start(command, name=f"agent{self.number}")
        until(self.ready, "the agent is not ready")

    def ready(self):
        assert self.agent.poll() is None, "the agent has ended"
        try:
            with urllib.request.urlopen(f"http://{self.address}:{ADMIN_PORT}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop_agent(self):
        """Spans that are held go out."""
        self.agent.terminate()
        self.agent.wait(timeout=11)
        assert self.agent.returncode == 0, self.agent.returncode

    def metrics(self):
        """{'name{labels}': value}"""
        with urllib.request.urlopen(f"http://{self.address}:{ADMIN_PORT}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def peer_ledger(self):
        """Asserts that it is exact."""
        metrics = self.metrics()
        prefix = "tracelet_peer_questions_total{outcome="
        ended = {name[len(prefix) + 1 : -2]: int(value) for name, value in metrics.items() if name.startswith(prefix)}
        begun, still_open = (int(metrics[f"tracelet_peer_questions_{what}"]) for what in ("begun_total", "open"))
        assert begun == sum(ended.values()) + still_open, (begun, ended, still_open)
        told = {
            answer: int(metrics[f'tracelet_peer_told_total{{answer="{answer}"}}'])
            for answer in ("final", "pending", "unknown")
        }
        return {"begun": begun, "open": still_open, **ended, "told": told}

    def spans(self):
        with open(self.spans_file, encoding="utf-8") as lines:
            return [Span(line) for line in lines]


class Nodes(list):
    """`count` nodes that reach each other; agents are started with start_agents()."""

    def __init__(self, test, count):
        sh("sysctl -qw net.ipv4.ip_forward=1")
        super().__init__(Node(test, number) for number in range(1, count + 1))
        self.key_file = test.directory / "key"
        self.key_file.write_text("a secret of this installation")

    def peer_section(self, finding):
        return f"""
[peer]
listen = ":{AGENT_PORT}"
key_file = "{self.key_file}"
{finding}
"""

    def start_agents(self, patience=PATIENT):
        agents = ", ".join(f'"10.77.{node.number}.0/24" = "{node.address}:{AGENT_PORT}"' for node in self)
        for node in self:
            node.start_agent(self.peer_section(f"agents = {{ {agents} }}") + patience + JUST_CAPTURE)

    def start_agents_of_a_service(self):
        """One name has the addresses of all agents, as a headless Service's has."""
        name = "agents.tracelet.test"
        hosts = self[0].test.directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{node.address} {name}\n" for node in self))
        for node in self:
            node.start_agent(self.peer_section(f'service = "{name}:{AGENT_PORT}"') + PATIENT + JUST_CAPTURE, hosts)

    def stop_agents(self):
        """All spans of all nodes."""
        for node in self:
            if node.agent.poll() is None:
                node.stop_agent()
        return [span for node in self for span in node.spans()]
