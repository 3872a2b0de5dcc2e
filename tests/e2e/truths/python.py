"""Python: threads, pools, coroutines."""

from harness.test import APPS, PYTHON, PYTHON_ASYNC
from harness.truth import LEVELS, Case, RpcCase


def asynchronous(application, keep_alive=True, levels=tuple(LEVELS), **environment):
    def start(test, next):
        return test.serve([PYTHON_ASYNC, APPS / "python_async/server.py"], next=next, environment=environment)

    if environment.get("CLIENT") == "httpx":
        levels = (1, 10, 100)  # the time that it takes for a call grows with the calls under way: more than a minute
    return Case("Python", application, start, keep_alive=keep_alive, levels=levels)


def handed_over(application, way, python=PYTHON, loop="asyncio", **options):
    def start(test, next):
        environment = {"HAND_OVER": way, "LOOP": loop}
        return test.serve([python, APPS / "handover.py"], next=next, environment=environment)

    return Case("Python", application, start, **options)


def gunicorn(worker):
    return Case(
        "Python",
        f"gunicorn {worker}",
        lambda test, next: "http://" + test.gunicorn(worker=worker, next=next),
        keep_alive=worker == "gthread",
    )


# Not one at a time: the request that starts them would be alone.
WORKERS_OF_A_REQUEST = dict(levels=(10, 100, 1000), WAY="queue_lazy")

CASES = [
    Case("Python", "thread per connection", lambda test, next: test.relay(next=next)),
    gunicorn("sync"),
    gunicorn("gthread"),
    asynchronous("aiohttp, aiohttp client"),
    asynchronous("aiohttp, httpx", CLIENT="httpx"),
    asynchronous("aiohttp, after sleep", WAY="sleep"),
    asynchronous("aiohttp, gather", WAY="gather"),
    asynchronous("uvicorn, aiohttp client", SERVER="uvicorn"),
    asynchronous("uvicorn, httpx", SERVER="uvicorn", CLIENT="httpx"),
    asynchronous("uvicorn, create_task", SERVER="uvicorn", WAY="task"),
    asynchronous("uvicorn, to_thread", SERVER="uvicorn", WAY="to_thread"),
    asynchronous("FastAPI, def endpoints", SERVER="fastapi"),
    asynchronous("uvicorn + uvloop, aiohttp client", SERVER="uvicorn", LOOP="uvloop"),
    asynchronous("uvicorn + uvloop, httpx", SERVER="uvicorn", CLIENT="httpx", LOOP="uvloop"),
    asynchronous("uvicorn + uvloop, new connections", keep_alive=False, SERVER="uvicorn", LOOP="uvloop"),
    asynchronous("uvicorn + uvloop, gather", SERVER="uvicorn", LOOP="uvloop", WAY="gather"),
    asynchronous("uvicorn + uvloop, create_task", SERVER="uvicorn", LOOP="uvloop", WAY="task"),
    asynchronous("uvicorn + uvloop, to_thread", SERVER="uvicorn", LOOP="uvloop", WAY="to_thread"),
    asynchronous("FastAPI + uvloop, def endpoints", SERVER="fastapi", LOOP="uvloop"),
    asynchronous("aiohttp + uvloop", LOOP="uvloop"),
    asynchronous("aiohttp + uvloop, new connections", keep_alive=False, LOOP="uvloop"),
    handed_over("asyncio streams", "loop"),
    handed_over("streams of uvloop", "loop", PYTHON_ASYNC, "uvloop"),
    asynchronous("asyncio.Queue, 4 workers", WAY="queue"),
    asynchronous("asyncio.Queue, 4 workers, uvloop", WAY="queue", SERVER="uvicorn", LOOP="uvloop"),
    asynchronous("asyncio.Queue, workers' tasks", WAY="queue_tasks"),
    asynchronous("asyncio.Queue, workers' tasks, uvloop", WAY="queue_tasks", SERVER="uvicorn", LOOP="uvloop"),
    asynchronous("asyncio.Queue, workers of a request", **WORKERS_OF_A_REQUEST),
    asynchronous("asyncio.Queue, workers of a request, uvloop", SERVER="uvicorn", LOOP="uvloop", **WORKERS_OF_A_REQUEST),
    asynchronous("run_in_executor, 8 threads", WAY="executor"),
    asynchronous("run_in_executor, 8 threads, uvloop", WAY="executor", SERVER="uvicorn", LOOP="uvloop"),
    handed_over("ThreadPoolExecutor, 4 threads", "pool"),
    handed_over("ThreadPoolExecutor.map, 4 threads", "pool_map"),
    handed_over("dispatcher, queue.Queue, 4 threads", "dispatcher", keep_alive=False),
    handed_over("pool that hands on to itself, queue.Queue", "handed_on", keep_alive=False),
    RpcCase("Python", "grpcio, 64 threads", "python"),
]
