package webhooks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

// measured is a store that measures the size of lists with large members.
type measured struct {
	store.Store
	most *int // bytes of one list, its first item left out
}

func (m measured) note(sizes ...int) {
	sum := 0
	for _, size := range sizes[min(1, len(sizes)):] {
		sum += size
	}
	*m.most = max(*m.most, sum)
}

func sizes[T any](items []T, size func(T) int) (all []int) {
	for _, item := range items {
		all = append(all, size(item))
	}
	return all
}

func (m measured) Samples(ctx context.Context, of uuid.UUID, p store.Page) (store.List[store.Sample], error) {
	list, err := m.Store.Samples(ctx, of, p)
	m.note(sizes(list.Items, func(s store.Sample) int { return len(s.Payload) })...)
	return list, err
}

func (m measured) EventTypes(ctx context.Context, of uuid.UUID, a store.ArchivedFilter, p store.Page) (store.List[store.EventType], error) {
	list, err := m.Store.EventTypes(ctx, of, a, p)
	m.note(sizes(list.Items, func(e store.EventType) int { return len(e.Schema) })...)
	return list, err
}

func (m measured) Subscriptions(ctx context.Context, org uuid.UUID, q store.SubscriptionQuery) (store.List[store.Subscription], error) {
	list, err := m.Store.Subscriptions(ctx, org, q)
	m.note(sizes(list.Items, func(s store.Subscription) int { return len(s.Headers["X-Large"]) })...)
	return list, err
}

func (m measured) MessageDeliveries(
	ctx context.Context, org, id uuid.UUID, to []uuid.UUID, p store.Page,
) (store.List[store.Delivery], error) {
	list, err := m.Store.MessageDeliveries(ctx, org, id, to, p)
	m.note(sizes(list.Items, func(d store.Delivery) int { return len(d.Response) })...)
	return list, err
}

// The library reads whole lists in pieces, and without large members that it does not need.
func TestTheLibraryReadsLongListsInPieces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	most := 0
	hooks, err := webhooks.New(measured{w.store, &most}, webhooks.Config{Sender: w})
	w.must(err)
	const n, size = 12, 1 << 20
	large := strings.Repeat("x", size)
	for i := range n {
		w.must(w.store.CreateEventType(t.Context(), store.EventType{
			ID: uuid.Must(uuid.NewV7()), CategoryID: w.category.ID, Code: fmt.Sprint("vitals.", i), Version: "v1", Schema: []byte(`"` + large + `"`),
			Lifecycle: store.Lifecycle{Active: true},
		}))
		w.must(w.store.CreateSample(t.Context(), store.Sample{
			ID: uuid.Must(uuid.NewV7()), EventTypeID: w.typ.ID, Version: fmt.Sprint("v", i), Payload: []byte(`{"x":"` + large + `"}`),
		}))
		id := uuid.Must(uuid.NewV7())
		w.must(w.store.CreateSubscription(t.Context(), store.Subscription{
			ID: id, OrganizationID: w.org, PostURI: "https://example.com", Version: "v1", Headers: map[string]string{"X-Large": large},
			Selectors: []store.Selector{{Pattern: "vitals.*"}}, Lifecycle: store.Lifecycle{Active: true},
		}, store.Secret{ID: uuid.Must(uuid.NewV7()), OrganizationID: w.org, SubscriptionID: id}))
	}
	published := w.publish("1")
	for rule, read := range map[string]func() error{
		"RandomPayload": func() error { _, err := hooks.Registry.RandomPayload(t.Context()); return err },
		"UpdateEventType": func() error {
			set := func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
				in.Schema = json.RawMessage(`{"required":["x"]}`)
				return nil
			}
			_, err := hooks.Registry.UpdateEventType(t.Context(), w.category.ID, w.typ.ID, set)
			return err
		},
		"Subscribers": func() error {
			_, err := hooks.Subscriptions.Subscribers(t.Context(), w.typ.Code, "", nil, webhooks.Page{Take: 1})
			return err
		},
		"Explain": func() error {
			all := webhooks.ExplainQuery{Page: webhooks.Page{Take: 100}}
			explained, err := hooks.Dispatcher.Explain(t.Context(), w.org, published.ID, all)
			last := explained.Items[n-1]
			if len(explained.Items) != n || explained.Total != n || last.Reason != "" || last.Subscription.Headers != nil {
				t.Errorf("%d explanations of %d, the last one is %v", len(explained.Items), explained.Total, last)
			}
			return err
		},
		"Message": func() error { _, err := hooks.Dispatcher.Message(t.Context(), w.org, published.ID); return err },
		"Test": func() error {
			subs, err := w.store.Subscriptions(t.Context(), w.org, store.SubscriptionQuery{Page: store.Page{Take: 1}})
			w.must(err)
			_, err = hooks.Dispatcher.Test(t.Context(), w.org, subs.Items[0].ID, "", "")
			return err
		},
	} {
		most = 0
		if err := read(); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
		if most > 4*size {
			t.Errorf("%s read %d MiB at once", rule, most>>20)
		}
	}
}
