"""Python servers whose calls are made by coroutines and by what coroutines hand work to. POST /HOP/ID asks NEXT/ID
and answers the id, which travels in the bodies.

SERVER=aiohttp, uvicorn (ASGI), fastapi (`def` endpoints, on its thread pool) or streams (asyncio.start_server)
CLIENT=aiohttp, httpx or requests
LOOP=asyncio or uvloop
WAY: what comes between the request and the call, see WAYS"""

import asyncio
import http.client
import json
import os
import random
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

PORT = int(os.environ["PORT"])
NEXT = os.environ["NEXT"]
SERVER = os.environ.get("SERVER", "aiohttp")
CLIENT = os.environ.get("CLIENT", "aiohttp")
WAY = os.environ.get("WAY", "plain")


# --- clients


class AiohttpClient:
    def __init__(self):
        import aiohttp

        # No limit: at it, a call waits for another one's connection.
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def ask(self, order):
        async with self.session.post(f"{NEXT}/{order}", json={"id": order}) as response:
            return (await response.json())["id"]


class HttpxClient:
    def __init__(self):
        import httpx

        self.client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=60)

    async def ask(self, order):
        return (await self.client.post(f"{NEXT}/{order}", json={"id": order})).json()["id"]


def ask_blocking(order):
    url = urllib.parse.urlsplit(NEXT)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    try:
        connection.request("POST", f"{url.path}/{order}", json.dumps({"id": order}))
        return json.loads(connection.getresponse().read())["id"]
    finally:
        connection.close()


clients = {}


async def ask(order):
    if not clients:
        clients["the one"] = AiohttpClient() if CLIENT == "aiohttp" else HttpxClient()
    return await clients["the one"].ask(order)


# --- ways


async def after_a_sleep(order):
    await asyncio.sleep(random.random() / 100)
    return await ask(order)


async def gathered(order):
    answers = await asyncio.gather(ask(order), asyncio.sleep(0.001))
    return answers[0]


async def in_a_task(order):
    return await asyncio.create_task(after_a_sleep(order))


async def to_thread(order):
    return await asyncio.to_thread(ask_blocking, order)


executor = ThreadPoolExecutor(8)


async def in_executor(order):
    return await asyncio.get_running_loop().run_in_executor(executor, ask_blocking, order)


jobs = {}


async def queued(order):
    """Workers that were there before the request take it out of a queue."""
    if not jobs:
        raise RuntimeError("no workers")
    future = asyncio.get_running_loop().create_future()
    jobs["queue"].put_nowait((order, future))
    return await future


async def queued_for_workers(order):
    """Workers that the first request has started, in its context, take it out of a queue."""
    if not jobs:
        await start_workers()
    return await queued(order)


async def work():
    while True:
        order, future = await jobs["queue"].get()
        try:
            future.set_result(await ask(order))
        except Exception as error:  # noqa: BLE001  the request's answer says it
            future.set_exception(error)


async def work_in_tasks():
    """Each of its calls is made by a task, whose context is a copy of this worker's."""
    while True:
        order, future = await jobs["queue"].get()
        try:
            future.set_result((await asyncio.gather(ask(order), asyncio.sleep(0)))[0])
        except Exception as error:  # noqa: BLE001  the request's answer says it
            future.set_exception(error)


async def start_workers():
    jobs["queue"] = asyncio.Queue()
    jobs["workers"] = [asyncio.create_task((work_in_tasks if WAY == "queue_tasks" else work)()) for _ in range(4)]


async def start():
    if WAY in ("queue", "queue_tasks"):
        await start_workers()


left = {}


async def left_over(order):
    """What the last request of this connection left behind calls now, for that one: nothing of this request does."""
    raise NotImplementedError


WAYS = {
    "plain": ask,
    "sleep": after_a_sleep,
    "gather": gathered,
    "task": in_a_task,
    "to_thread": to_thread,
    "executor": in_executor,
    "queue": queued,
    "queue_tasks": queued,
    "queue_lazy": queued_for_workers,
}


# --- servers


def aiohttp_server():
    from aiohttp import web

    async def handle(request):
        order = (await request.json())["id"]
        return web.json_response({"id": await WAYS[WAY](order)})

    async def started(_):
        await start()

    app = web.Application()
    app.router.add_post("/{hop}/{order}", handle)
    app.on_startup.append(started)
    if os.environ.get("LOOP") == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None, backlog=1024)


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await start()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = json.dumps({"id": await WAYS[WAY](json.loads(body)["id"])}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def fastapi_app():
    import fastapi

    app = fastapi.FastAPI()

    @app.post("/{hop}/{order}")
    def handle(hop: str, order: str, body: dict):
        return {"id": ask_blocking(body["id"])}

    return app


def uvicorn_server(app):
    import uvicorn

    uvicorn.run(
        app, host="127.0.0.1", port=PORT, loop=os.environ.get("LOOP", "asyncio"), log_level="warning", backlog=1024
    )


if __name__ == "__main__":
    if SERVER == "aiohttp":
        aiohttp_server()
    else:
        uvicorn_server(fastapi_app() if SERVER == "fastapi" else asgi)
