"""Python's coroutines, the threads they use and the jobs of executors: linked by the contexts that they run in, on the interpreter
at hand; some on the newest one, too."""

from harness import Hop, load, score
from harness.test import APPS, PYTHON_ASYNC, PYTHON_NEWEST

LEVELS = {1: 20, 10: 80, 100: 150}
CASES = {
    "aiohttp": dict(),
    "aiohttp_gather": dict(WAY="gather"),
    "uvicorn_httpx": dict(SERVER="uvicorn", CLIENT="httpx"),
    "uvicorn_task": dict(SERVER="uvicorn", WAY="task"),
    "uvicorn_to_thread": dict(SERVER="uvicorn", WAY="to_thread"),
    "fastapi_def": dict(SERVER="fastapi"),
    "uvicorn_uvloop": dict(SERVER="uvicorn", LOOP="uvloop"),
    "aiohttp_uvloop": dict(LOOP="uvloop"),
    "executor": dict(WAY="executor"),
}
NEWEST = ("aiohttp", "uvicorn_uvloop", "fastapi_def", "executor")


def run(test):
    tracelet = test.tracelet()
    last = test.node_answers()
    traffic = []
    for name, environment in CASES.items():
        traffic += ask(test, PYTHON_ASYNC, name, environment, last)
    for name in NEWEST:
        traffic += ask(test, PYTHON_NEWEST, f"newest_{name}", CASES[name], last)
    # Workers that a request starts, and that go on with others' jobs.
    traffic += ask(test, PYTHON_ASYNC, "queue_lazy", dict(WAY="queue_lazy"), last, link="either", levels={10: 80})
    score(tracelet.stop(), traffic)


def ask(test, python, name, environment, last, link="python", levels=LEVELS):
    front = test.serve([python, APPS / "python_async/server.py"], next=last + "/last", environment=environment)
    return load(front + f"/{name}", [Hop(name), Hop("last", link)], True, levels)
