// Package telemetry connects the library to OpenTelemetry: a [Tracer] makes spans, a [Meter] counts. It links
// OpenTelemetry's API alone: the service that imports it chooses the SDK, its exporters and its sampler. It is a
// package of its own so that only programs that import it link OpenTelemetry.
//
//	meter, err := telemetry.NewMeter(otel.GetMeterProvider())
//	hooks, err := webhooks.New(store, webhooks.Config{
//		Metrics: meter,
//		Tracer:  telemetry.NewTracer(otel.GetTracerProvider()),
//	})
package telemetry
