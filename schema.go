package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/internal/strictjson"
)

// maxDepth is the largest nesting of JSON in any input.
const maxDepth = 64

// maxSchemaFaults is the largest number of faults of a value that a [ValidationError] lists.
const maxSchemaFaults = 100

// schemaSlots bounds the number of schemas that are compiled, or values that are validated, at once.
// Each may take a processor for a fraction of a second, and about ten times the memory of its
// input.
type schemaSlots chan struct{}

// run calls f when a slot is free, or returns the error of ctx.
func (s schemaSlots) run(ctx context.Context, f func() error) error {
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s }()
	return f()
}

// checkSchema returns the stored form of a JSON Schema, nil for none. The error is a
// *[ValidationError] at /schema if the schema cannot be used.
func (c *core) checkSchema(ctx context.Context, text []byte) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 || string(bytes.TrimSpace(text)) == "null" {
		return nil, nil
	}
	compact, err := strictjson.Compact(nil, text, maxDepth)
	if err != nil {
		return nil, wrongField(Invalid, "/schema", "must be JSON: "+err.Error())
	}
	if _, err := c.compileSchema(ctx, compact); err != nil {
		return nil, err
	}
	return compact, nil
}

// compileSchema compiles a compact schema. Pointers of its errors are below /schema.
func (c *core) compileSchema(ctx context.Context, text []byte) (s *schema.Schema, err error) {
	err = c.schemaSlots.run(ctx, func() (err error) {
		s, err = schema.Compile(text)
		return err
	})
	if bad, ok := errors.AsType[*schema.Error](err); ok {
		return nil, wrongField(Invalid, "/schema"+bad.Pointer, bad.Reason)
	}
	return s, err
}

// matchSchema checks a compact JSON value against a compiled schema, nil for none. Pointers of its
// errors are below the given pointer.
func (c *core) matchSchema(
	ctx context.Context, budget *schema.Budget, s *schema.Schema, pointer string, value []byte,
) error {
	if s == nil {
		return nil
	}
	var faults []schema.Fault
	err := c.schemaSlots.run(ctx, func() (err error) {
		faults, err = s.Validate(ctx, budget, value, maxSchemaFaults)
		return err
	})
	if errors.Is(err, schema.ErrBudget) {
		return wrongField(SchemaMismatch, pointer, tooComplex)
	}
	if err != nil || len(faults) == 0 {
		return err
	}
	e := &ValidationError{Problem: SchemaMismatch}
	for _, f := range faults {
		e.Fields = append(e.Fields, FieldError{pointer + f.Pointer, "does not match the event type's schema: " + f.Detail})
	}
	return e
}

var tooComplex = fmt.Sprintf("is too complex for the event type's schema: the check takes more than the budget of "+
	"%d steps and %d for each byte, or goes more than %d subschemas deep",
	schema.StepsPerCall, schema.StepsPerByte, schema.MaxScopes)

// samplesMatch checks the samples of an event type against its new schema. All samples share one
// budget.
func (c *core) samplesMatch(ctx context.Context, eventType uuid.UUID, text []byte) error {
	if text == nil {
		return nil
	}
	compiled, err := c.compileSchema(ctx, text)
	if err != nil {
		return err
	}
	budget := schema.NewBudget()
	samples := func(page Page) (List[Sample], error) { return c.store.Samples(ctx, eventType, page) }
	return walk(samples, func(s Sample) uuid.UUID { return s.ID }, func(s Sample) error {
		err := c.matchSchema(ctx, budget, compiled, "", s.Payload)
		if bad, ok := errors.AsType[*ValidationError](err); ok {
			return wrongField(SchemaMismatch, "/schema",
				"must be matched by the sample payload of version "+s.Version+", which "+bad.Fields[0].Detail)
		}
		return err
	})
}
