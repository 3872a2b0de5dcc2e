"""Serves TLS on $PORT by asyncio and answers with what was asked; with a URL it asks that, at once."""

import asyncio
import os
import ssl
import sys

directory, *asked = sys.argv[1:]


async def answer(reader, writer):
    while not reader.at_eof():
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            break
        path = head.split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))
        await writer.drain()


async def serve():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"]), ssl=context)
    await server.serve_forever()


async def ask(port, number):
    context = ssl.create_default_context(cafile=f"{directory}/cert.pem")
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    for turn in range(3):
        path = b"/python/%d/%d" % (number, turn)
        writer.write(b"GET %s HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (path, port))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(len(path)) == path
    writer.close()


async def ask_all(port, count):
    await asyncio.gather(*(ask(port, number) for number in range(count)))


asyncio.run(ask_all(int(asked[0]), int(asked[1])) if asked else serve())
