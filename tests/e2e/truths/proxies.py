"""Proxies: what comes in goes out."""

import urllib.parse

from harness.truth import Case


def upstream(next):
    return urllib.parse.urlsplit(next).netloc


CASES = [
    Case("nginx", "proxy_pass, keep-alive", lambda test, next: test.nginx(upstream(next), True), "proxy", "wsgi"),
    Case("nginx", "proxy_pass, new connections", lambda test, next: test.nginx(upstream(next), False), "proxy", "wsgi"),
    Case("HAProxy", "one thread", lambda test, next: test.haproxy(upstream(next)), "haproxy"),
    Case("HAProxy", "connections of its own", lambda test, next: test.haproxy(upstream(next), option="http-reuse never"), "haproxy"),
    Case("HAProxy", "a queue, two at a time", lambda test, next: test.haproxy(upstream(next), server="maxconn 2"), "haproxy"),
    Case("HAProxy", "two threads", lambda test, next: test.haproxy(upstream(next), 2), "haproxy"),
    Case("Envoy", "one thread", lambda test, next: test.envoy(upstream(next)), "envoy"),
    Case("Envoy", "two threads", lambda test, next: test.envoy(upstream(next), 2), "envoy"),
]
