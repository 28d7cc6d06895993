package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
)

// twice applies a schema twice to each item, at each depth of arrays: 2^n times at depth n.
const twice = `{"items":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}`

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

const budgetName = "budget of 1000000 steps and 4 for each byte"

func (w *world) setSchema(schema string) error {
	set := func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
		in.Schema = []byte(schema)
		return nil
	}
	_, err := w.Registry.UpdateEventType(w.t.Context(), w.category.ID, w.typ.ID, set)
	return err
}

func wantBudget(t *testing.T, err error, pointer string) {
	t.Helper()
	wantFault(t, err, webhooks.SchemaMismatch, pointer)
	if err == nil || !strings.Contains(err.Error(), budgetName) {
		t.Errorf("%v does not name the budget", err)
	}
}

func TestSchemaValidationHasABudget(t *testing.T) {
	t.Parallel()
	t.Run("Publish", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, patient)
		w.must(w.setSchema(twice))
		w.publish(nested(8))
		_, err := w.Dispatcher.Publish(t.Context(), w.org, event(nested(60)))
		wantBudget(t, err, "/data")
	})
	t.Run("PublishBatchHasOneForAllEvents", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, patient)
		w.must(w.setSchema(twice))
		events := make([]webhooks.Event, 1000)
		for i := range events {
			events[i] = event(nested(12))
		}
		_, err := w.Dispatcher.PublishBatch(t.Context(), w.org, events)
		if e, ok := errors.AsType[*webhooks.EventError](err); !ok || e.Index == 0 {
			t.Errorf("got %v, want an error about an event in the middle", err)
		}
		wantBudget(t, err, "/data")
	})
	t.Run("Samples", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, patient)
		w.must(w.setSchema(`{"additionalProperties":` + strings.ReplaceAll(twice, "#", "#/additionalProperties") + `}`))
		create := func(version, payload string) error {
			_, err := w.Registry.CreateSample(t.Context(), w.category.ID, w.typ.ID, webhooks.SampleInput{Version: version, Payload: []byte(payload)})
			return err
		}
		wantBudget(t, create("v1", `{"a":`+nested(60)+`}`), "/payload")
		w.must(create("v1", `{"a":1}`))
		_, err := w.Registry.UpdateSample(t.Context(), w.category.ID, w.typ.ID, "v1", func(_ webhooks.Sample, in *webhooks.SampleInput) error {
			in.Payload = []byte(`{"a":` + nested(60) + `}`)
			return nil
		})
		wantBudget(t, err, "/payload")
		w.must(w.setSchema(""))
		w.must(create("v2", `{"a":`+nested(60)+`}`))
		wantBudget(t, w.setSchema(`{"additionalProperties":`+strings.ReplaceAll(twice, "#", "#/additionalProperties")+`}`), "/schema")
	})
}

// patient lets a budget be used up on a busy machine.
func patient(c *webhooks.Config) { c.StoreTimeout = 5 * time.Minute }

func TestSchemaThatCanExplodeIsRefused(t *testing.T) { //nolint:tparallel // the subtest goes on in the world of the test
	t.Parallel()
	w := newWorld(t)
	var defs strings.Builder
	for i := range 60 {
		fmt.Fprintf(&defs, `"%d":{"allOf":[{"$ref":"#/$defs/%[2]d"},{"$ref":"#/$defs/%[2]d"}]},`, i, i+1)
	}
	hostile := `{"$ref":"#/$defs/0","$defs":{` + defs.String() + `"60":true}}`
	err := w.setSchema(hostile)
	wantFault(t, err, webhooks.Invalid, "/schema")
	if err == nil || !strings.Contains(err.Error(), "must not apply more than 5000 subschemas to one value") {
		t.Errorf("%v does not say why", err)
	}

	t.Run("AlsoWhereItIsStored", func(t *testing.T) { // by a release that took it
		_, err := w.store.UpdateEventType(t.Context(), w.typ.ID, func(e *webhooks.EventType) error {
			e.Schema = []byte(hostile)
			return nil
		})
		w.must(err)
		_, err = w.Dispatcher.Publish(t.Context(), w.org, event("1"))
		wantFault(t, err, webhooks.SchemaMismatch, "/data")
	})
}

func TestSchemaMismatchListsAtMost100Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.setSchema(`{"items":{"type":"string"}}`))
	_, err := w.Dispatcher.Publish(t.Context(), w.org, event("["+strings.Repeat("0,", 1000)+"0]"))
	e, ok := errors.AsType[*webhooks.ValidationError](err)
	if !ok || len(e.Fields) != 100 || e.Fields[99] != (webhooks.FieldError{
		Pointer: "/data/99",
		Detail:  "does not match the event type's schema: got number, want string",
	}) {
		t.Errorf("%v", err)
	}
}

// A schema must not read files: its acceptance would reveal their existence and content.
func TestSchemaReadsNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(file, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{"$ref":"file://%s"}`, `{"properties":{"a":{"$ref":"file://%s#"}}}`,
		`{"$defs":{"a":{"$id":"urn:a","$schema":"file://%s"}}}`,
	} {
		wantFault(t, w.setSchema(fmt.Sprintf(text, file)), webhooks.Invalid, "/schema")
	}
}

// turnstile is a context that blocks a validation when it checks the context.
type turnstile struct {
	context.Context //nolint:containedctx // it is one

	asking *atomic.Int32
	open   chan struct{}
}

func (g turnstile) Err() error {
	if strings.Contains(string(debug.Stack()), "internal/schema.(*Schema).Validate") {
		g.asking.Add(1)
		<-g.open
	}
	return g.Context.Err()
}

func TestSchemaValidationsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(w.setSchema(`{"type":"object"}`))
		create := func(ctx context.Context, version string) error {
			_, err := w.Registry.CreateSample(ctx, w.category.ID, w.typ.ID, webhooks.SampleInput{Version: version, Payload: []byte(`{}`)})
			return err
		}
		g := turnstile{t.Context(), &atomic.Int32{}, make(chan struct{})}
		most := runtime.GOMAXPROCS(0)
		errs, gone := make(chan error, most+3), make(chan error, 1)
		for i := range cap(errs) {
			go func() { errs <- create(g, fmt.Sprint(i)) }()
		}
		synctest.Wait()
		if n := g.asking.Load(); int(n) != most {
			t.Errorf("%d validations at once, want %d", n, most)
		}
		leaving, leave := context.WithCancel(t.Context())
		go func() { gone <- create(leaving, "gone") }()
		synctest.Wait()
		leave()
		wantErr(t, <-gone, context.Canceled)
		close(g.open)
		for range cap(errs) {
			w.must(<-errs)
		}
	})
}
