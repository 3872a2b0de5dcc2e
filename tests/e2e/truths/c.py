"""C: pools and loops written by hand."""

from harness.test import APPS
from harness.truth import Case


def task_queue(test, next):
    port = test.port()
    test.start([test.compile("task_queue.c"), port, next.split(":")[2].partition("/")[0]])
    test.wait_for(("127.0.0.1", port))
    return f"http://127.0.0.1:{port}"


CASES = [Case("C", "epoll loop with a queue", task_queue, hop="queue")]
