"""Asks for URLs, one after another on one connection, by a library of Python: LIBRARY URL...
And `answer`, an application for uvicorn."""

import asyncio
import os
import ssl
import sys


def requests(urls):
    import requests

    with requests.Session() as session:
        for url in urls:
            assert session.get(url).ok


def httpx(urls):
    import httpx

    with httpx.Client(verify=trusted()) as client:
        for url in urls:
            assert client.get(url).is_success


async def ask_httpx(urls):
    import httpx

    async with httpx.AsyncClient(verify=trusted()) as client:
        for url in urls:
            assert (await client.get(url)).is_success


async def ask_aiohttp(urls):
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted())) as session:
        for url in urls:
            async with session.get(url) as response:
                assert response.ok
                await response.read()


def httpx_async(urls):
    asyncio.run(ask_httpx(urls))


def aiohttp(urls):
    asyncio.run(ask_aiohttp(urls))


def trusted():
    return ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])


async def answer(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2:])
