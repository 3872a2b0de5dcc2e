"""Flask + requests on werkzeug's threaded server: POST /prices/ID asks NEXT/ID."""

import os

import flask
import requests
from werkzeug.serving import WSGIRequestHandler

# A Session keeps connections open between calls; the module's functions do not.
caller = requests.Session() if os.environ.get("KEEP_ALIVE") == "1" else requests
if caller is not requests:
    caller.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=128))

app = flask.Flask(__name__)


@app.post("/prices/<order>")
def price(order):
    answer = caller.post(f"{os.environ['NEXT']}/{order}", json=flask.request.get_json(), timeout=30)
    return flask.jsonify(id=order, via="prices", next=answer.json()), answer.status_code


if __name__ == "__main__":
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
