//go:build !race

// The race detector makes sync.Pool forget at random, so that more is allocated.

package telemetry_test

import (
	"context"
	"net/http"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/telemetry"
)

func TestAnUnsampledPublishAndAttemptAllocateLittle(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	tracer := telemetry.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())))
	allocs := testing.AllocsPerRun(100, func() { oneEvent(context.Background(), tracer) })
	if allocs > 16 {
		t.Errorf("%v allocations", allocs)
	}
}

// oneEvent makes the spans of a publish and of its one attempt.
func oneEvent(ctx context.Context, tracer webhooks.Tracer) {
	spanned, endPublish := tracer.StartPublish(ctx, webhooks.PublishStart{Events: 1})
	a := webhooks.AttemptStart{TraceContext: tracer.TraceContext(spanned), Number: 1, Address: "example.com:443"}
	endPublish(webhooks.PublishEnd{Deliveries: 1})
	_, endAttempt := tracer.StartAttempt(ctx, a, http.Header{})
	endAttempt(webhooks.AttemptEnd{Status: webhooks.Succeeded, HTTPStatus: http.StatusOK})
}
