"""HTTPS: nginx, curl, wget and Python's requests. What is expected is what the same requests give in clear text."""

import os
import subprocess
from collections import Counter

from harness.test import APPS, PYTHON

REQUESTS = """
import sys, requests
session = requests.Session()
for path in ("/small", "/large", "/gone?token=1"):
    session.get(sys.argv[1] + path)
session.post(sys.argv[1] + "/gone", data=b"x" * 40000)
requests.get(sys.argv[1] + "/small")
"""


def run(test):
    directory = test.directory / "nginx"
    directory.mkdir()
    test.certify(directory)
    (directory / "small").write_text("hello")
    (directory / "large").write_bytes(os.urandom(300_000))
    ports = {"port": test.port(), "tls_port": test.port(), "h2_port": test.port()}
    text = (APPS / "nginx_tls.conf").read_text().replace("@directory@", str(directory))
    for name, port in ports.items():
        text = text.replace(f"@{name}@", str(port))
    (directory / "nginx.conf").write_text(text)
    test.start(["nginx", "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf"])
    test.wait_for(("127.0.0.1", ports["h2_port"]))

    older = subprocess.Popen(  # what this one asks before tracelet starts is not seen, the rest of its session is
        [PYTHON, "-c", OLDER, f"https://localhost:{ports['tls_port']}"],
        env=environment(directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert older.stdout.read(1) == b"."
    tracelet = test.tracelet()
    ask(directory, f"http://localhost:{ports['port']}")
    ask(directory, f"https://localhost:{ports['tls_port']}")
    h2 = f"https://localhost:{ports['h2_port']}"
    curl(directory, "--http2", h2 + "/small", h2 + "/large", h2 + "/gone")
    older.communicate(b".", timeout=30)
    assert older.returncode == 0
    spans = tracelet.stop()

    clear, tls, multiplexed, joined = (
        [span for span in spans if port_of(span) == port and ("/older" in span.path) == older_one]
        for port, older_one in ((ports["port"], 0), (ports["tls_port"], 0), (ports["h2_port"], 0), (ports["tls_port"], 1))
    )
    assert told(clear) == told(tls), f"only in clear text {told(clear) - told(tls)}, only by TLS {told(tls) - told(clear)}"
    assert len(clear) == 2 * 9 and len(multiplexed) == 2 * 3, (clear, multiplexed)
    assert told(joined) == Counter({("client", "GET", "/older", 404, "1.1"): 1, ("server", "GET", "/older", 404, "1.1"): 1})
    assert {span["network.protocol.version"] for span in multiplexed} == {"2"}
    clients = {span.span_id: span for span in spans if span.kind == "client"}
    for span in clear + tls + multiplexed + joined:
        assert span["tracelet.outcome"] is None, span
        assert (span["url.scheme"] or span["url.full"].partition(":")[0]) == ("http" if span in clear else "https"), span
        if span.path == "/large":
            assert span["http.response.body.size"] == 300_000, span
        if span.kind == "server" and (span not in joined or span.has_parent()):
            client = clients[span.parent]
            assert (client.path, client.trace_id, span.link) == (span.path, span.trace_id, "sequence"), span
    print(f"{len(tls)} spans by TLS as in clear text, {len(multiplexed)} in HTTP/2, {len(joined)} of an older session")


OLDER = """
import sys, requests
session = requests.Session()
session.get(sys.argv[1] + "/before")
sys.stdout.write(".")
sys.stdout.flush()
sys.stdin.read(1)
session.get(sys.argv[1] + "/older")
"""


def ask(directory, url):
    curl(directory, url + "/small", url + "/large", url + "/gone")
    subprocess.run(["wget", "-q", "-O", "/dev/null", "--ca-certificate", directory / "cert.pem", url + "/small"], check=True)
    subprocess.run([PYTHON, "-c", REQUESTS, url], check=True, env=environment(directory), timeout=60)


def curl(directory, *arguments):
    outputs = [word for argument in arguments if argument.startswith("http") for word in ("-o", "/dev/null")]
    subprocess.run(["curl", "-sS", "--cacert", directory / "cert.pem", *arguments, *outputs], check=True, timeout=60)


def environment(directory):
    return dict(os.environ, REQUESTS_CA_BUNDLE=str(directory / "cert.pem"))


def port_of(span):
    """Of the server: the client's peer."""
    if span.kind == "client":
        return span["network.peer.port"]
    return span["server.port"]


def told(spans):
    return Counter(
        (span.kind, span["http.request.method"], span.path, span["http.response.status_code"], span["network.protocol.version"])
        for span in spans
    )
