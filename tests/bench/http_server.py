"""aiohttp, for counting.py: http_server.py PORT [NEXT]. With NEXT, each request asks there first, over kept connections."""

import sys

import aiohttp
from aiohttp import web

NEXT = sys.argv[2] if len(sys.argv) > 2 else None


async def handle(_):
    if NEXT:
        async with session["the one"].get(NEXT) as answer:
            await answer.read()
    return web.Response(text="hello world\n")


session = {}


async def start(_):
    session["the one"] = aiohttp.ClientSession()
    yield
    await session["the one"].close()


app = web.Application()
app.router.add_get("/{path:.*}", handle)
app.cleanup_ctx.append(start)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
