package demo;

import io.jaegertracing.Configuration;
import io.jaegertracing.Configuration.ReporterConfiguration;
import io.jaegertracing.Configuration.SamplerConfiguration;
import io.jaegertracing.Configuration.SenderConfiguration;
import io.jaegertracing.internal.JaegerTracer;
import io.opentracing.Span;
import java.util.Map;

/** jaeger-client: $SERVICE sends $COUNT traces of three spans to $AGENT_PORT; its sampler asks 5778's stand-in by the old path. */
public class Client {
  public static void main(String[] args) throws Exception {
    SenderConfiguration sender = new SenderConfiguration()
        .withAgentHost("127.0.0.1")
        .withAgentPort(Integer.parseInt(System.getenv("AGENT_PORT")));
    SamplerConfiguration sampler = new SamplerConfiguration()
        .withType("remote")
        .withParam(1)
        .withManagerHostPort("127.0.0.1:" + System.getenv("SAMPLING_PORT"));
    try (JaegerTracer tracer = new Configuration(System.getenv("SERVICE"))
        .withSampler(sampler)
        .withReporter(new ReporterConfiguration().withSender(sender))
        .getTracer()) {
      Thread.sleep(5000); // for the sampler to have asked
      for (int i = 0; i < Integer.parseInt(System.getenv("COUNT")); ++i) {
        Span parent = tracer.buildSpan("parent").start();
        parent.setTag("text", "grüße").setTag("yes", true).setTag("whole", 42).setTag("real", 2.5);
        parent.log(Map.of("event", "happened", "detail", "x"));
        for (String name : new String[] {"child-1", "child-2"}) {
          tracer.buildSpan(name).asChildOf(parent).start().finish();
        }
        parent.finish();
      }
    }
  }
}
