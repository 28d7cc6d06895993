package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Sample is an example of the data of an event type.
type Sample struct {
	ID        uuid.UUID       `json:"id"`        // given by the host
	Event     EventReference  `json:"event"`     // the event type
	Payload   json.RawMessage `json:"payload"`   // the data, a JSON object
	Version   string          `json:"version"`   // unique among the samples of the event type
	AuditInfo AuditInfo       `json:"auditInfo"` // times and callers
	Damaged   []string        `json:"damaged"`   // members with stored values that cannot be read

	ETag string `json:"-"` // for [IfMatch]
}

// SampleInput is a sample payload to be made.
type SampleInput struct {
	// Payload encodes to a JSON object, which matches the schema of the event type. Required.
	Payload any `json:"payload"`
	// Version is that of the sample. Default: the version of the event type.
	Version string `json:"version,omitempty"`
}

// Example names a built-in example.
type Example string

// The built-in examples.
const (
	ExampleAck    Example = "ack"                // an HL7 v2 acknowledgement that accepts
	ExampleNack   Example = "nack"               // an HL7 v2 acknowledgement that rejects, with an error
	ExamplePhone  Example = "phone-log"          // the record of a phone call
	ExampleVitals Example = "vitals-observation" // an observation of a vital sign
)

// DeliveryBody is the body of a webhook.
type DeliveryBody struct {
	ID        uuid.UUID       `json:"id"`        // the webhook-id
	Type      string          `json:"type"`      // code of the event type
	Version   string          `json:"version"`   // of the event type
	Timestamp time.Time       `json:"timestamp"` // when the event was published
	Data      json.RawMessage `json:"data"`      // the data of the event
}

func samplesPath(category, eventType uuid.UUID) []string {
	return eventTypePath(category, eventType, "sample-payloads")
}

type sampleQuery struct {
	Version string `query:"version"`
}

// CreateSample adds the sample payload of an event type and a version; a second one is
// [ErrSampleExists].
func (r *Registry) CreateSample(ctx context.Context, category, eventType uuid.UUID, in SampleInput) (Sample, error) {
	return call[Sample](ctx, r.c, request{method: http.MethodPost, path: samplesPath(category, eventType), body: in})
}

// Sample returns the sample payload of a version.
func (r *Registry) Sample(ctx context.Context, category, eventType uuid.UUID, version string) (Sample, error) {
	return get[Sample](ctx, r.c, samplesPath(category, eventType), sampleQuery{version})
}

// UpdateSample changes /version, /payload or a member below /payload.
func (r *Registry) UpdateSample(
	ctx context.Context, category, eventType uuid.UUID, version string, patch Patch, ifMatch ...IfMatch,
) (Sample, error) {
	return call[Sample](ctx, r.c, request{
		method: http.MethodPatch, path: samplesPath(category, eventType), query: sampleQuery{version}, body: patch, ifMatch: ifMatch,
	})
}

// DeleteSample deletes the sample payload of a version.
func (r *Registry) DeleteSample(ctx context.Context, category, eventType uuid.UUID, version string, ifMatch ...IfMatch) error {
	return command(ctx, r.c, request{
		method: http.MethodDelete, path: samplesPath(category, eventType), query: sampleQuery{version}, ifMatch: ifMatch, repeat: true,
	})
}

type exampleQuery struct {
	Type Example `query:"type"`
}

// Example returns a built-in example. "" is ExampleAck.
func (r *Registry) Example(ctx context.Context, category, eventType uuid.UUID, example Example) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, r.c, eventTypePath(category, eventType, "sample-payloads-examples"), exampleQuery{example})
}

// RandomPayload returns a body as a subscription would get it: with a sample payload, or with a
// built-in example where there is none.
func (r *Registry) RandomPayload(ctx context.Context) (DeliveryBody, error) {
	return get[DeliveryBody](ctx, r.c, []string{"api", "webhook-deliveries", "payload"}, nil)
}
