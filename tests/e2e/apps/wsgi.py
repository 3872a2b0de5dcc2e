"""For gunicorn: POST /HOP/ID answers itself, or asks NEXT/ID first, over a new connection."""

import http.client
import json
import os
import urllib.parse

NEXT = urllib.parse.urlsplit(os.environ.get("NEXT", ""))


def app(environ, start_response):
    _, hop, order = environ["PATH_INFO"].split("/")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = None
    if NEXT.netloc:
        connection = http.client.HTTPConnection(NEXT.netloc)
        connection.request("POST", f"{NEXT.path}/{order}", body, {"Connection": "close"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
    reply = json.dumps({"id": order, "via": hop, "next": answer}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(reply)))])
    return [reply]
