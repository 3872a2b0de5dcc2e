"""OpenTelemetry's Jaeger exporter: $SERVICE sends $COUNT traces of three spans to the UDP port $AGENT_PORT."""

import os

from opentelemetry.exporter.jaeger.thrift import JaegerExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = JaegerExporter(agent_host_name="127.0.0.1", agent_port=int(os.environ["AGENT_PORT"]))
provider = TracerProvider(resource=Resource.create({"service.name": os.environ["SERVICE"]}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("clients")
for _ in range(int(os.environ["COUNT"])):
    with tracer.start_as_current_span("parent") as parent:
        parent.set_attribute("text", "grüße")
        parent.set_attribute("yes", True)
        parent.set_attribute("whole", 42)
        parent.set_attribute("real", 2.5)
        parent.add_event("happened", {"detail": "x"})
        for name in ("child-1", "child-2"):
            with tracer.start_as_current_span(name):
                pass
provider.shutdown()
