"""Which programs are seen through TLS: each beside itself in clear text, whose spans are what is expected."""

import ctypes
import os
import subprocess
from collections import Counter

from harness.rpc import JAVA
from harness.test import APPS, ENVOY, GUNICORN, PYTHON, PYTHON_ASYNC

RUST = os.environ.get("TRACELET_TLS_RUST")  # apps/tls_rust, built by `cargo build --release`: takes minutes
COUNT = 5
SCRIPT = APPS / "tls_clients.py"
NETTY = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JAVA}/classes:{JAVA}/dependency/*", "demo.Https"]

# curl 7.88 cannot ask twice on one connection if that is in clear text.
EACH = 'for url; do curl -sS --http2-prior-knowledge "$url" || exit; done'

# How each asks for (urls), and by which version of HTTP.
CLIENTS = {
    "curl (OpenSSL)": (1, lambda urls: ["curl", "-sS", *urls]),
    "curl, HTTP/2": (2, lambda urls: ["sh", "-c", EACH, "sh", *urls]),
    "wget (GnuTLS)": (1, lambda urls: ["wget", "-q", "-O/dev/null", *urls]),
    "Python requests": (1, lambda urls: [PYTHON, SCRIPT, "requests", *urls]),
    "Python httpx": (1, lambda urls: [PYTHON_ASYNC, SCRIPT, "httpx", *urls]),
    "Python httpx, async": (1, lambda urls: [PYTHON_ASYNC, SCRIPT, "httpx_async", *urls]),
    "Python aiohttp": (1, lambda urls: [PYTHON_ASYNC, SCRIPT, "aiohttp", *urls]),
    "Node https": (1, lambda urls: ["node", APPS / "tls_clients.js", "https", *urls]),
    "Node fetch": (1, lambda urls: ["node", APPS / "tls_clients.js", "fetch", *urls]),
    "Node http2": (2, lambda urls: ["node", APPS / "tls_clients.js", "http2", *urls]),
    "h2load": (2, lambda urls: ["h2load", "-n", COUNT, "-c1", "-m1", *urls]),
    "Netty, netty-tcnative": (1, lambda urls: [*NETTY, "client", ".", *urls]),
}
# How each is started in a directory with cert.pem and key.pem, and by which version of HTTP it is asked.
SERVERS = {
    "nginx": (1, None),
    "nginx, HTTP/2": (2, None),
    "uvicorn": (1, lambda port, tls: [PYTHON_ASYNC, "-m", "uvicorn", "tls_clients:answer", "--app-dir", APPS, "--port", port,
                                      *(("--ssl-certfile", "cert.pem", "--ssl-keyfile", "key.pem") if tls else ())]),
    "gunicorn": (1, lambda port, tls: [GUNICORN, "wsgi:app", "--chdir", APPS, "--worker-tmp-dir", "/dev/shm", "-b", f"127.0.0.1:{port}",
                                       *(("--certfile", f"{os.getcwd()}/cert.pem", "--keyfile", f"{os.getcwd()}/key.pem") if tls else ())]),
    "Node https": (1, lambda port, tls: ["node", APPS / "tls_servers.js", "https", port, *(["."] if tls else [])]),
    "Node http2": (2, lambda port, tls: ["node", APPS / "tls_servers.js", "http2", port, *(["."] if tls else [])]),
    "nghttpd": (2, lambda port, tls: ["nghttpd", "-a127.0.0.1", *([port, "key.pem", "cert.pem"] if tls else ["--no-tls", port])]),
    "Netty, netty-tcnative": (1, lambda port, tls: [*NETTY, "server", port, *(["."] if tls else [])]),
}  # fmt: skip
CURL = {1: CLIENTS["curl (OpenSSL)"][1], 2: CLIENTS["curl, HTTP/2"][1]}
NGINX = """
daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr error; events {}
http {
  access_log off; ssl_certificate cert.pem; ssl_certificate_key key.pem;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:%d; listen 127.0.0.1:%d ssl; listen 127.0.0.1:%d http2; listen 127.0.0.1:%d ssl http2;
    location / { return 200 "hello"; }
  }
}
"""


def run(test):
    directory = test.directory / "tls"
    directory.mkdir()
    os.chdir(directory)
    test.certify(directory)
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        os.environ[name] = str(directory / "cert.pem")
    os.environ["WGETRC"] = str(directory / "wgetrc")
    (directory / "wgetrc").write_text(f"ca_certificate={directory}/cert.pem\n")
    clients = CLIENTS | ({"Rust, its own OpenSSL": (1, lambda urls: [RUST, *urls])} if RUST else {})

    ctypes.CDLL("libgnutls.so.30")  # the first to use a library may be over before it is probed, and wget is quick
    tracelet = test.tracelet()
    ports = [test.port() for _ in range(4)]
    (directory / "nginx.conf").write_text(NGINX % tuple(ports))
    test.start(["nginx", "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf"])
    test.wait_for(("127.0.0.1", ports[0]))
    for number, (version, command) in enumerate(clients.values()):
        for tls in (False, True):
            ask(tracelet, command, f"c{number}", ports[tls + 2 * (version - 1)], tls)
    for number, (version, command) in enumerate(SERVERS.values()):
        for tls in (False, True):
            port = serve(test, command, tls) if command else ports[tls + 2 * (version - 1)]
            ask(tracelet, CURL[version], f"s{number}", port, tls)
    reasons = unnamed(test, tracelet, directory)
    spans = tracelet.stop()

    rows = [("client", name, f"/c{number}") for number, name in enumerate(clients)]
    rows += [("server", name, f"/s{number}") for number, name in enumerate(SERVERS)]
    problems = []
    print(f"{'':<8}{'':<26}{'clear':>6}{'TLS':>6}  links of the server's spans to the client's, in clear text and by TLS")
    for role, name, path in rows:
        mine = [[span for span in spans if span.path.startswith(f"{path}-{way}/")] for way in ("clear", "tls")]
        clear, tls = (told(some, role) for some in mine)
        links = ["%d of %d" % linked(some, spans) for some in mine]
        print(f"{role:<8}{name:<26}{clear.total():>6}{tls.total():>6}  {links[0]}, {links[1]}")
        if links[0] != links[1] or links[0] != f"{COUNT} of {COUNT}":
            problems.append(f"{role} {name}: linked {links[0]} in clear text, {links[1]} by TLS")
        if clear != tls or clear.total() != COUNT:
            problems.append(f"{role} {name}: only in clear text {clear - tls}, only by TLS {tls - clear}")
    problems += reasons + check_unnamed(spans)
    problems += [f"wrong parent of {span}" for span in spans if wrong(span, spans)]
    assert not problems, "\n  ".join([f"{len(problems)} problems", *problems[:8]])


def unnamed(test, tracelet, directory):
    """Envoy's BoringSSL has no names: what it answers by TLS is seen at the other end only, and `tracelet check` says why."""
    secure = test.port()
    port, config = test.configure("envoy/answers.yaml", secure=secure, keys=directory)
    test.proxy([ENVOY, "-c", config, "--concurrency", 1, "--disable-hot-restart", "--log-level", "error"], port)
    for tls in (False, True):
        ask(tracelet, CURL[1], "envoy", secure if tls else port, tls)
    said = subprocess.run([test.binary, "check"], capture_output=True, text=True, check=False).stdout
    lines = [line for line in said.splitlines() if "envoy" in line]
    return [] if any("BoringSSL without the names" in line for line in lines) else [f"check says of Envoy: {lines}"]


def check_unnamed(spans):
    seen = Counter((span.path.split("/")[1], span.kind) for span in spans if span.path.startswith("/envoy-"))
    print(f"{'server':<8}{'Envoy':<26}{seen['envoy-clear', 'server']:>6}{seen['envoy-tls', 'server']:>6}")
    wanted = Counter({("envoy-clear", "client"): COUNT, ("envoy-clear", "server"): COUNT, ("envoy-tls", "client"): COUNT})
    return [] if seen == wanted else [f"Envoy: {seen}"]


def ask(tracelet, command, label, port, tls):
    base = f"{'https' if tls else 'http'}://localhost:{port}/{label}-{'tls' if tls else 'clear'}"
    words = command([f"{base}/{number}" for number in range(COUNT)])
    if tls:
        words = [str(word).replace("--http2-prior-knowledge", "--http2") for word in words]
    if words[: len(NETTY)] != NETTY:
        subprocess.run([str(word) for word in words], check=True, timeout=60, stdout=subprocess.DEVNULL)
        return
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        client.stdout.readline()  # it has unpacked its library, a new file each time
        tracelet.wait_until_at_rest()
        client.stdin.write(b"\n")
        client.stdin.close()
        assert client.wait(timeout=60) == 0, words


def serve(test, command, tls):
    port = test.port()
    test.start(command(port, tls))
    test.wait_for(("127.0.0.1", port))
    return port


def told(spans, role):
    """What is the same in clear text."""
    return Counter(
        (span["http.request.method"], span.path.rpartition("/")[2], span["http.response.status_code"], span["network.protocol.version"])
        for span in (span for span in spans if span.kind == role)
    )


def linked(some, spans):
    ids = {span.span_id for span in spans if span.kind == "client"}
    servers = [span for span in some if span.kind == "server"]
    return sum(span.parent in ids and span.link == "sequence" for span in servers), len(servers)


def wrong(span, spans):
    return any(other.span_id == span.parent and other.path != span.path for other in spans)
