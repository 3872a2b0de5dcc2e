// jaeger-client: $SERVICE sends $COUNT traces of three spans to $AGENT_PORT (thrift's binary protocol),
// sampled as 5778's stand-in says.
const { initTracer } = require("jaeger-client");

const tracer = initTracer(
  {
    serviceName: process.env.SERVICE,
    sampler: {
      type: "remote",
      param: 1,
      host: "127.0.0.1",
      port: Number(process.env.SAMPLING_PORT),
      refreshIntervalMs: 500,
    },
    reporter: { agentHost: "127.0.0.1", agentPort: Number(process.env.AGENT_PORT), flushIntervalMs: 100 },
  },
  {},
);
setTimeout(() => {
  // 5 s later the sampler has asked
  for (let i = 0; i < Number(process.env.COUNT); ++i) {
    const parent = tracer.startSpan("parent");
    parent.addTags({ text: "grüße", yes: true, whole: 42, real: 2.5 });
    parent.log({ event: "happened", detail: "x" });
    for (const name of ["child-1", "child-2"]) tracer.startSpan(name, { childOf: parent }).finish();
    parent.finish();
  }
  tracer.close(() => process.exit(0));
}, 5000);
