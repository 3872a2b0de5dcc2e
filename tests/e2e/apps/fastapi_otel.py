"""FastAPI that traces itself, calls included: its client spans travel to NEXT as traceparent, as instrumented clients have it."""

import http.client
import json
import os
import urllib.parse

import uvicorn
from fastapi import FastAPI, Request
from opentelemetry import propagate, trace
from opentelemetry.exporter.jaeger.thrift import JaegerExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

NEXT = urllib.parse.urlsplit(os.environ["NEXT"])
provider = TracerProvider(resource=Resource.create({"service.name": "fastapi-otel"}))
exporter = JaegerExporter(agent_host_name="127.0.0.1", agent_port=int(os.environ["AGENT_PORT"]), udp_split_oversized_batches=True)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("fastapi-otel")
app = FastAPI()


@app.post("/{hop}/{order}")
async def serve(hop: str, order: str, request: Request):
    body = await request.body()
    with tracer.start_as_current_span("POST", kind=trace.SpanKind.CLIENT, attributes={"http.method": "POST"}):
        headers = {"Connection": "close"}
        propagate.inject(headers)
        connection = http.client.HTTPConnection(NEXT.netloc)
        connection.request("POST", f"{NEXT.path}/{order}", body, headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
    return {"id": order, "via": hop, "next": answer}


FastAPIInstrumentor.instrument_app(app)
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
