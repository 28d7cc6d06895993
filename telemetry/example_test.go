package telemetry_test

import (
	"context"
	"fmt"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/telemetry"
)

// The metrics of the library in a provider of the service, here with a reader that is called by hand.
func ExampleNewMeter() {
	st, reader := memstore.New(), sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))

	meter, err := telemetry.NewMeter(provider)
	check(err)
	hooks, err := webhooks.New(st, webhooks.Config{Metrics: meter})
	check(err)

	_, err = hooks.Registry.CreateCategory(context.Background(), webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	var all metricdata.ResourceMetrics
	check(reader.Collect(context.Background(), &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		if gauge, ok := m.Data.(metricdata.Gauge[float64]); ok && m.Name == measure.StoreUp.Name {
			fmt.Println(m.Name, gauge.DataPoints[0].Value)
		}
	}
	// Output: webhooks.store.up 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
