"""C and C++: pools and loops written by hand."""

from harness.truth import Case


def by_hand(source):
    def start(test, next):
        port = test.port()
        test.start([test.compile(source), port, next.split(":")[2].partition("/")[0]])
        test.wait_for(("127.0.0.1", port))
        return f"http://127.0.0.1:{port}"

    return start


CASES = [
    Case("C", "epoll loop with a queue", by_hand("task_queue.c"), hop="queue"),
    Case("C++", "condition variable, 4 threads", by_hand("thread_pool.cc"), hop="pool"),
]
