//go:build !race

// The race detector makes sync.Pool forget at random, so that more is allocated.

package webhooks_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// accepting is a store that keeps no message.
type accepting struct{ store.Store }

func (accepting) Publish(_ context.Context, _ store.Tx, messages []store.NewMessage, _ store.PublishOptions) ([]store.Published, error) {
	return make([]store.Published, len(messages)), nil
}

// The event is small, so that the limit is of the calls and not of its data.
func TestPublishAllocatesLittle(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	hooks, err := webhooks.New(accepting{memstore.New()}, webhooks.Config{})
	check(err)
	category, err := hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "n", Code: "c"})
	check(err)
	_, err = hooks.Registry.CreateEventType(t.Context(), category.ID, webhooks.EventTypeInput{Name: "n", Code: "a.b.c", Version: "v1"})
	check(err)
	event, org := webhooks.Event{Type: "a.b.c", Data: json.RawMessage(`{"a":1}`)}, uuid.New()
	allocs := testing.AllocsPerRun(1000, func() {
		_, err := hooks.Dispatcher.Publish(context.Background(), org, event)
		check(err)
	})
	if allocs > 24 {
		t.Errorf("%v allocations for each event", allocs)
	}
}
