"""Flask that traces itself: OpenTelemetry, Jaeger thrift to UDP $AGENT_HOST:$AGENT_PORT. Its calls of NEXT are not instrumented."""

import http.client
import json
import os
import urllib.parse

from flask import Flask, request
from opentelemetry import trace
from opentelemetry.exporter.jaeger.thrift import JaegerExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

NEXT = urllib.parse.urlsplit(os.environ["NEXT"])
provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("SERVICE", "flask-otel")}))
agent = {"agent_host_name": os.environ.get("AGENT_HOST", "127.0.0.1"), "agent_port": int(os.environ["AGENT_PORT"])}
exporter = JaegerExporter(**agent, udp_split_oversized_batches=True)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
app = Flask("flask-otel")
FlaskInstrumentor().instrument_app(app)


@app.post("/<hop>/<order>")
def serve(hop, order):
    connection = http.client.HTTPConnection(NEXT.netloc)
    connection.request("POST", f"{NEXT.path}/{order}", request.get_data(), {"Connection": "close"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return {"id": order, "via": hop, "next": answer}


app.run(os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"]), threaded=True)
