"""Thread per connection, standard library only: POST /HOP/ID answers itself, or asks NEXT/ID first."""

import http.client
import json
import os
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NEXT = urllib.parse.urlsplit(os.environ.get("NEXT", ""))
KEEP_ALIVE = os.environ.get("KEEP_ALIVE") == "1"
local = threading.local()


def ask_next(order, body):
    """One call; with KEEP_ALIVE over the thread's own connection."""
    connection = getattr(local, "connection", None) or http.client.HTTPConnection(NEXT.netloc)
    local.connection = connection if KEEP_ALIVE else None
    headers = {"Content-Type": "application/json", "Connection": "keep-alive" if KEEP_ALIVE else "close"}
    connection.request("POST", f"{NEXT.path}/{order}", body, headers)
    answer = json.loads(connection.getresponse().read())
    if not KEEP_ALIVE:
        connection.close()
    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        _, hop, order = self.path.split("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = ask_next(order, body) if NEXT.netloc else None
        reply = json.dumps({"id": order, "via": hop, "next": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler).serve_forever()
