package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ecg-api/webhooks/internal/conditionlog"
)

// logTelemetry makes OpenTelemetry's SDK report its errors to the log: each of them once, then at most hourly.
func logTelemetry(ctx context.Context, log *slog.Logger) *conditionlog.Log {
	conditions := conditionlog.New(log, time.Now)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		conditions.Occurred(ctx, slog.LevelWarn, "OpenTelemetry reports an error", nil, "error", collectorError(err))
	}))
	otel.SetLogger(logr.New(sdkLog{log}))
	return conditions
}

// sdkLog logs what the SDK finds wrong in its variables, such as "parse headers". It leaves out the values, which may
// hold a password.
type sdkLog struct{ log *slog.Logger }

// Init implements [logr.LogSink].
func (sdkLog) Init(logr.RuntimeInfo) {}

// Enabled implements [logr.LogSink].
func (sdkLog) Enabled(int) bool { return false }

// Info implements [logr.LogSink].
func (sdkLog) Info(int, string, ...any) {}

// Error implements [logr.LogSink].
func (s sdkLog) Error(_ error, text string, _ ...any) {
	s.log.Warn("OpenTelemetry cannot use a variable of the environment", "step", text)
}

// WithValues implements [logr.LogSink].
func (s sdkLog) WithValues(...any) logr.LogSink { return s }

// WithName implements [logr.LogSink].
func (s sdkLog) WithName(string) logr.LogSink { return s }

// loggedExporter logs that the collector does not take spans, and that it takes them again.
type loggedExporter struct {
	sdktrace.SpanExporter
	conditions *conditionlog.Log
}

const cannotExport = "traces cannot be sent to the collector: spans are dropped"

// ExportSpans implements [sdktrace.SpanExporter].
func (e loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.conditions.Occurred(ctx, slog.LevelWarn, cannotExport, nil, "error", collectorError(err))
		return nil
	}
	e.conditions.Ended(ctx, cannotExport, nil, "traces are sent to the collector again")
	return nil
}

// maxCollectorError bounds the text of an error, which may hold an answer of the collector.
const maxCollectorError = 300

// collectorError returns the text of an error, without the URL of the collector, which may hold a password.
func collectorError(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	text := err.Error()
	return text[:min(len(text), maxCollectorError)]
}
