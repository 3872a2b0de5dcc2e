"""Python's coroutines and the threads they use: linked by the contexts that they run in, on the interpreter at hand."""

from harness import Hop, load, score
from harness.test import APPS, PYTHON_ASYNC

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
}


def run(test):
    tracelet = test.tracelet()
    last = test.node_answers()
    traffic = []
    for name, environment in CASES.items():
        front = test.serve([PYTHON_ASYNC, APPS / "python_async/server.py"], next=last + "/last", environment=environment)
        traffic += load(front + f"/{name}", [Hop(name), Hop("last", "python")], True, LEVELS)
    score(tracelet.stop(), traffic)
