package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/conditionlog"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/telemetry"
)

// flushTime bounds the time in which the last spans and metrics are sent before the process ends.
const flushTime = 3 * time.Second

// startTelemetry starts the export of traces and metrics, if the variables of OpenTelemetry ask for it. The returned
// function ends it, within flushTime. OpenTelemetry's SDK reads all further variables itself, such as the headers and
// the sizes of queues.
//
// Neither requests nor attempts wait for a collector: spans that do not fit into the SDK's queue are dropped.
func (p *process) startTelemetry(ctx context.Context) (stop func(), err error) {
	var shutdowns []func(context.Context) error
	conditions := logTelemetry(ctx, p.log)
	traces, err := p.tracerProvider(ctx, conditions)
	if err != nil {
		return nil, err
	}
	if traces != nil {
		p.traces, p.library.Tracer = traces, telemetry.NewTracer(traces)
		shutdowns = append(shutdowns, traces.Shutdown)
	}
	meters, err := p.meterProvider(ctx)
	if err != nil {
		return nil, err
	}
	if meters != nil {
		if err := p.measureFor(meters); err != nil {
			return nil, err
		}
		shutdowns = append(shutdowns, meters.Shutdown)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		var all sync.WaitGroup
		for _, shutdown := range shutdowns {
			all.Go(func() { _ = shutdown(ctx) }) // the exporters' errors are logged
		}
		all.Wait()
	}, nil
}

// measureFor has the library measure for a provider, beside /metrics.
func (p *process) measureFor(meters *sdkmetric.MeterProvider) error {
	meter, err := telemetry.NewMeter(meters)
	switch {
	case err != nil:
		return fmt.Errorf("instruments of OpenTelemetry: %w", err)
	case p.library.Metrics == nil:
		p.library.Metrics = meter
	default:
		p.library.Metrics = measure.Sinks{p.library.Metrics, meter}
	}
	return nil
}

// tracerProvider returns a provider that exports traces; nil if none are exported.
func (p *process) tracerProvider(ctx context.Context, conditions *conditionlog.Log) (*sdktrace.TracerProvider, error) {
	protocol, err := p.otlp("TRACES")
	if err == nil {
		err = p.checkSampler()
	}
	if protocol == "" || err != nil {
		return nil, err
	}
	res, err := resourceOf(ctx)
	if err != nil {
		return nil, err
	}
	var exporter sdktrace.SpanExporter
	if protocol == otlpGRPC {
		exporter, err = otlptracegrpc.New(ctx)
	} else {
		exporter, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("exporter of traces: %w", err)
	}
	p.log.Info("traces are exported", "protocol", protocol)
	return sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(loggedExporter{exporter, conditions})), nil
}

// meterProvider returns a provider that exports metrics; nil if none are exported.
func (p *process) meterProvider(ctx context.Context) (*sdkmetric.MeterProvider, error) {
	protocol, err := p.otlp("METRICS")
	if protocol == "" || err != nil {
		return nil, err
	}
	res, err := resourceOf(ctx)
	if err != nil {
		return nil, err
	}
	var exporter sdkmetric.Exporter
	if protocol == otlpGRPC {
		exporter, err = otlpmetricgrpc.New(ctx)
	} else {
		exporter, err = otlpmetrichttp.New(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("exporter of metrics: %w", err)
	}
	p.log.Info("metrics are exported", "protocol", protocol)
	return sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter))), nil
}

// The protocols of OTLP that the host speaks.
const (
	otlpHTTP = "http/protobuf"
	otlpGRPC = "grpc"
)

// otlp returns the protocol by which a signal is exported, such as TRACES; "" if it is not. It is if its
// exporter or an endpoint is set.
func (h *host) otlp(signal string) (protocol string, err error) {
	if off, _ := h.lookup("OTEL_SDK_DISABLED"); strings.EqualFold(off, "true") {
		return "", nil
	}
	exporterName := "OTEL_" + signal + "_EXPORTER"
	exporter, chosen := h.lookup(exporterName)
	endpointName, endpoint := h.first("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	switch {
	case exporter == "none", !chosen && endpoint == "":
		return "", nil
	case chosen && exporter != "otlp":
		return "", wrong(exporterName, "is %q, must be otlp or none", exporter)
	}
	if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return "", wrong(endpointName, "must be a URL such as http://collector:4318") // not quoted: it may hold a password
	}
	protocolName, protocol := h.first("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	switch protocol {
	case "":
		return otlpHTTP, nil
	case otlpHTTP, otlpGRPC:
		return protocol, nil
	}
	return "", wrong(protocolName, "is %q, must be %s or %s", protocol, otlpHTTP, otlpGRPC)
}

// first returns the first of the variables that is set.
func (h *host) first(names ...string) (name, value string) {
	for _, name := range names {
		if value, ok := h.lookup(name); ok {
			return name, value
		}
	}
	return "", ""
}

// checkSampler checks the variables of the sampler: the SDK would replace wrong ones by its default.
func (h *host) checkSampler() error {
	samplers := []string{
		"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	}
	name, ok := h.lookup("OTEL_TRACES_SAMPLER")
	if ok && !slices.Contains(samplers, name) {
		return wrong("OTEL_TRACES_SAMPLER", "is %q, must be one of %s", name, strings.Join(samplers, ", "))
	}
	ratio, ok := h.lookup("OTEL_TRACES_SAMPLER_ARG")
	if n, err := strconv.ParseFloat(ratio, 64); ok && (err != nil || !(n >= 0 && n <= 1)) {
		return wrong("OTEL_TRACES_SAMPLER_ARG", "is %q, must be a number from 0 to 1", ratio)
	}
	return nil
}

// resourceOf describes this process. The variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
func resourceOf(ctx context.Context) (*resource.Resource, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("ecg-webhooks"), semconv.ServiceVersion(webhooks.Version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if errors.Is(err, resource.ErrPartialResource) {
		return nil, wrong("OTEL_RESOURCE_ATTRIBUTES", "must be pairs name=value, separated by commas")
	}
	return res, err
}
