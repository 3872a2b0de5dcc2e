// jaeger-client-go: $SERVICE sends $COUNT traces of three spans to $AGENT_PORT, sampled as 5778's stand-in says.
package main

import (
	"os"
	"strconv"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"
	"github.com/uber/jaeger-client-go/config"
)

func main() {
	tracer, closer, err := config.Configuration{
		ServiceName: os.Getenv("SERVICE"),
		Sampler: &config.SamplerConfig{
			Type: "remote", Param: 1, SamplingRefreshInterval: 500 * time.Millisecond,
			SamplingServerURL: "http://127.0.0.1:" + os.Getenv("SAMPLING_PORT") + "/sampling",
		},
		Reporter: &config.ReporterConfig{LocalAgentHostPort: "127.0.0.1:" + os.Getenv("AGENT_PORT")},
	}.NewTracer()
	if err != nil {
		panic(err)
	}
	time.Sleep(5 * time.Second) // for the sampler to have asked
	count, _ := strconv.Atoi(os.Getenv("COUNT"))
	for i := 0; i < count; i++ {
		parent := tracer.StartSpan("parent")
		parent.SetTag("text", "grüße").SetTag("yes", true).SetTag("whole", 42).SetTag("real", 2.5)
		parent.LogFields(log.String("event", "happened"), log.String("detail", "x"))
		for _, name := range []string{"child-1", "child-2"} {
			tracer.StartSpan(name, opentracing.ChildOf(parent.Context())).Finish()
		}
		parent.Finish()
	}
	closer.Close()
}
