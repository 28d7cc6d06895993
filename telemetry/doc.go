// Package telemetry reports to OpenTelemetry. It links OpenTelemetry's API alone: the service that
// imports it chooses the SDK, its exporters and its sampler.
package telemetry
