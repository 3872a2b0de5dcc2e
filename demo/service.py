"""What the three services share: an uninstrumented HTTP server, one thread per connection."""
import http.client
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Failure(Exception):
    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


def call(port, method, path, body=None):
    """One request to another service; its errors become ours."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status >= 400:
            raise Failure(response.status, answer["error"])
        return answer
    finally:
        connection.close()


def serve(answer):
    """Serves answer(method, path) on a free port, which it prints, until stdin is closed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, body = 200, answer(self.command, self.path)
            except Failure as failure:
                status, body = failure.status, {"error": str(failure)}
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = handle_any

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)
