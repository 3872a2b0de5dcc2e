"""https_server.py PORT FOLDER: serves the working folder; FOLDER has cert.pem and key.pem."""

import http.server
import ssl
import sys

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{sys.argv[2]}/cert.pem", f"{sys.argv[2]}/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
