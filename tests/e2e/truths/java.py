"""Java: threads, pools, virtual threads. What the JDK itself has; no agent in the JVM."""

import pathlib

from harness.test import APPS
from harness.truth import Case

NEWEST = sorted(pathlib.Path("/usr/lib/jvm").glob("*25*/bin/java"))  # virtual threads are there from 21 on


def java(application, way, program="java"):
    def start(test, next):
        return test.serve([program, "-Xmx256m", APPS / "Pools.java"], next=next, environment={"WAY": way})

    return Case("Java", application, start)


CASES = [
    java("HttpServer, fixed pool, HttpURLConnection", "direct"),
    java("ExecutorService, 4 threads", "pool"),
    java("CompletableFuture", "future"),
    java("HttpClient", "client"),
    *(java("virtual threads", "virtual", program) for program in NEWEST[:1]),
]
