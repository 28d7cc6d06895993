package telemetry_test

import (
	"net/http"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/telemetry"
)

// BenchmarkTracer measures the spans of a publish and of one attempt, without an exporter.
func BenchmarkTracer(b *testing.B) {
	for name, sampler := range map[string]sdktrace.Sampler{"Unsampled": sdktrace.NeverSample(), "Sampled": sdktrace.AlwaysSample()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			tracer := telemetry.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sampler))))
			for b.Loop() {
				ctx, endPublish := tracer.StartPublish(b.Context(), webhooks.PublishStart{Events: 1})
				a := webhooks.AttemptStart{TraceContext: tracer.TraceContext(ctx), Number: 1, Address: "example.com:443"}
				endPublish(webhooks.PublishEnd{Deliveries: 1})
				_, endAttempt := tracer.StartAttempt(b.Context(), a, http.Header{})
				endAttempt(webhooks.AttemptEnd{Status: webhooks.Succeeded, HTTPStatus: http.StatusOK})
			}
		})
	}
}
