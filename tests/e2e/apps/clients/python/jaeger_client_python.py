"""jaeger-client: $SERVICE sends $COUNT traces of three spans to $AGENT_PORT, sampled as 5778's stand-in says."""

import os
import time

from jaeger_client import Config

config = Config(
    config={
        "sampler": {"param": 1},  # without a type: remote
        "sampling_refresh_interval": 1,
        "local_agent": {
            "reporting_host": "127.0.0.1",
            "reporting_port": int(os.environ["AGENT_PORT"]),
            "sampling_port": int(os.environ["SAMPLING_PORT"]),
        },
    },
    service_name=os.environ["SERVICE"],
    validate=True,
)
tracer = config.initialize_tracer()
time.sleep(5)  # for the sampler to have asked
for _ in range(int(os.environ["COUNT"])):
    with tracer.start_span("parent") as parent:
        parent.set_tag("text", "grüße").set_tag("yes", True).set_tag("whole", 42).set_tag("real", 2.5)
        parent.log_kv({"event": "happened", "detail": "x"})
        for name in ("child-1", "child-2"):
            with tracer.start_span(name, child_of=parent):
                pass
closed = tracer.close()
while not closed.done():
    time.sleep(0.1)
