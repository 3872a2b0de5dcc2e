"""C and C++: pools and loops written by hand."""

from harness.truth import Case


def by_hand(source, *arguments):
    def start(test, next):
        port = test.port()
        test.start([test.compile(source), *arguments, port, next.split(":")[2].partition("/")[0]])
        test.wait_for(("127.0.0.1", port))
        return f"http://127.0.0.1:{port}"

    return start


CASES = [
    Case("C", "epoll loop", by_hand("task_queue.c", "direct"), hop="queue"),
    Case("C", "epoll loop with a queue", by_hand("task_queue.c"), hop="queue"),
    Case("C++", "condition variable, 4 threads", by_hand("thread_pool.cc"), hop="pool"),
    Case("C++", "Asio, coroutines", by_hand("asio_server.cc", 1), hop="asio"),
    Case("C++", "Asio, coroutines, 4 threads", by_hand("asio_server.cc", 4), hop="asio"),
]
