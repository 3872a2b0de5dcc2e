"""Programs that move TLS's ciphertext themselves (Node, asyncio): every span on its own connection, or none."""

import subprocess
from collections import Counter

from harness.test import APPS, PYTHON

NODE = 40
PYTHONS = 10  # connections, of three requests each


def run(test):
    directory = test.directory / "memory"
    directory.mkdir()
    test.certify(directory)
    tracelet = test.tracelet()
    node = test.serve(["node", APPS / "memory_tls.js", directory]).replace("http:", "https:").replace("127.0.0.1", "localhost")
    python = test.serve([PYTHON, APPS / "memory_tls.py", directory])
    nodes, pythons = (int(url.rpartition(":")[2]) for url in (node, python))
    for port in (nodes, pythons):
        url = f"https://localhost:{port}"
        subprocess.run(["curl", "-sS", "--cacert", directory / "cert.pem", f"{url}/curl"], check=True, capture_output=True)
    subprocess.run(["node", APPS / "memory_tls.js", directory, node, str(NODE)], check=True, timeout=60)
    subprocess.run([PYTHON, APPS / "memory_tls.py", directory, str(pythons), str(PYTHONS)], check=True, timeout=60)
    spans = tracelet.stop()

    expected = Counter({("/curl", 200, nodes): 1, ("/curl", 200, pythons): 1})
    expected.update({(f"/node/{i}", 200, nodes): 1 for i in range(NODE)})
    expected.update({(f"/python/{i}/{turn}", 200, pythons): 1 for i in range(PYTHONS) for turn in range(3)})
    for kind, port in (("client", "network.peer.port"), ("server", "server.port")):
        seen = Counter((s.path, s["http.response.status_code"], s[port]) for s in spans if s.kind == kind)
        assert seen == expected, f"{kind}: {seen - expected} too many, {expected - seen} missing"
    clients = {span.span_id: span for span in spans if span.kind == "client"}
    servers = [span for span in spans if span.kind == "server"]
    linked = [span for span in servers if span.link == "sequence"]
    assert all(clients[span.parent].path == span.path for span in linked), "a wrong link"
    print(f"{len(spans)} spans, {len(linked)} of {len(servers)} of servers linked to the client's")
    assert len(linked) == len(servers), [span for span in servers if span not in linked]
