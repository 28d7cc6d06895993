package webhooks

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"math/rand/v2"

	"github.com/google/uuid"
)

//go:embed examples/*.json
var exampleFiles embed.FS

// The built-in examples of an event's data. All persons and values in them are invented.
const (
	ExampleAck    = "ack"                // an HL7 v2 acknowledgement as JSON: MSH, MSA, ERR
	ExampleNack   = "nack"               // a negative acknowledgement
	ExamplePhone  = "phone-log"          // a record of a call
	ExampleVitals = "vitals-observation" // a measured value
)

// Examples returns the names of the built-in examples.
func Examples() []string { return []string{ExampleAck, ExampleNack, ExamplePhone, ExampleVitals} }

// Example returns a built-in example, a JSON object, or nil if no example has the name.
func Example(name string) []byte {
	text, err := exampleFiles.ReadFile("examples/" + name + ".json")
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		panic(err) // an embedded file is malformed
	}
	return b.Bytes()
}

// RandomPayload returns the body of a delivery as receivers get it. Its data is a random stored
// sample, or a random built-in example while no sample is stored. Nothing is published.
func (r *Registry) RandomPayload(ctx context.Context) ([]byte, error) {
	samples, err := r.store.Samples(ctx, uuid.Nil, Page{}) // the total alone
	if err == nil && samples.Total > 0 {
		drawn := rand.N(samples.Total) //nolint:gosec // nothing depends on it
		samples, err = r.store.Samples(ctx, uuid.Nil, Page{Skip: drawn, Take: 1})
	}
	if err != nil {
		return nil, err
	}
	if len(samples.Items) == 0 {
		name := Examples()[rand.N(len(Examples()))] //nolint:gosec // nothing depends on it
		return r.newMessage(ctx, uuid.Nil, EventType{Code: name, Version: "v1"}, Example(name)).Body, nil
	}
	sample := samples.Items[0]
	types, err := r.store.HistoricEventTypes(ctx, []uuid.UUID{sample.EventTypeID})
	if err != nil {
		return nil, err
	}
	t := EventType{Code: types[sample.EventTypeID].Code, Version: sample.Version}
	return r.newMessage(ctx, uuid.Nil, t, sample.Payload).Body, nil
}
