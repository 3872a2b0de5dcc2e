"""Java: threads, pools, virtual threads: the JDK's own, Spring's Tomcat and Netty, grpc-java. No agent in the JVM."""

import pathlib

from harness.test import APPS
from harness.truth import Case, RpcCase

NEWEST = sorted(pathlib.Path("/usr/lib/jvm").glob("*25*/bin/java"))  # virtual threads are there from 21 on


def java(application, way, program="java"):
    def start(test, next):
        return test.serve([program, "-Xmx256m", "-Dsun.net.httpserver.maxIdleConnections=2000", APPS / "Pools.java"], next=next, environment={"WAY": way})

    return Case("Java", application, start)


def spring(application, way, *options, program="java"):
    def start(test, next):
        return test.spring_web(program, *options, next=next)

    return Case("Java", application, start, hop=way)


NETTY = "--spring.main.web-application-type=reactive"
VIRTUAL = "--spring.threads.virtual.enabled=true"
CASES = [
    spring("Tomcat, RestTemplate", "rest"),
    spring("Tomcat, RestTemplate, after 500 by AsyncContext.start", "turning"),
    spring("Tomcat, WebClient waited for", "block"),
    spring("Tomcat, WebClient", "client"),
    spring("Netty, WebClient", "client", NETTY),
    java("HttpServer, fixed pool, HttpURLConnection", "direct"),
    java("HttpServer, handed on in its pool of 8", "handed_on"),
    java("ExecutorService, 4 threads", "pool"),
    java("CompletableFuture", "future"),
    java("HttpClient", "client"),
    *(java("virtual threads", "virtual", program) for program in NEWEST[:1]),
    *(spring("Tomcat's virtual threads", "rest", VIRTUAL, program=program) for program in NEWEST[:1]),
    RpcCase("Java", "grpc-java, Netty", "java"),
]
