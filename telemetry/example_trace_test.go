package telemetry_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/telemetry"
)

// A service that has set a provider of OpenTelemetry's SDK gets a span for each publish and each attempt.
func ExampleNewTracer() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{Tracer: telemetry.NewTracer(otel.GetTracerProvider())})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hooks.Health(context.Background()))
	// Output: false <nil>
}
