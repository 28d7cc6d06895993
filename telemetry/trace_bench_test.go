//go:build !race

package telemetry_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ecg-api/webhooks/telemetry"
)

// BenchmarkTracer measures the spans of a publish and of one attempt, without an exporter.
func BenchmarkTracer(b *testing.B) {
	for name, sampler := range map[string]sdktrace.Sampler{"Unsampled": sdktrace.NeverSample(), "Sampled": sdktrace.AlwaysSample()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			tracer := telemetry.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sampler))))
			for b.Loop() {
				oneEvent(b.Context(), tracer)
			}
		})
	}
}
