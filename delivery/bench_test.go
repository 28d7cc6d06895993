package delivery_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// handedOver is a store that accepts every write about the jobs of a benchmark.
type handedOver struct{ store.Store }

func (handedOver) Record(context.Context, []store.Outcome) ([]uuid.UUID, error) { return nil, nil }

// BenchmarkAttempts measures the cost of an attempt in the engine alone: from the hand-over to the record, without
// a store and without a network.
func BenchmarkAttempts(b *testing.B) {
	var sent sync.WaitGroup
	key, err := signing.ParseSecret(signing.NewSecret())
	if err != nil {
		b.Fatal(err)
	}
	keys, err := signing.NewKeySet([]signing.Key{key}, signing.PrivateKey{})
	if err != nil {
		b.Fatal(err)
	}
	w := &world{store: memstore.New()}
	sub := w.benchSubscription(b)
	e, err := delivery.New(delivery.Config{
		Store:  handedOver{w.store},
		Signer: func(store.Target) (signing.Signer, error) { return keys, nil },
		Sender: sender(func(context.Context, guard.Request) guard.Result {
			sent.Done()
			return guard.Result{Status: 200}
		}),
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	job := store.Job{
		Lease: store.Lease{AttemptID: newID(), Number: 1}, DeliveryID: newID(), MessageID: newID(),
		OrganizationID: sub.OrganizationID, SubscriptionID: sub.ID, ExpiresAt: now().AddDate(1, 0, 0), Body: []byte(`{}`),
	}
	b.ReportAllocs()
	for b.Loop() {
		v := e.Reserve()
		var jobs []store.Job
		for range 16 {
			if v.Take(sub.OrganizationID, sub.ID) {
				jobs = append(jobs, job)
			}
		}
		sent.Add(len(jobs))
		v.HandOver(jobs)
		sent.Wait()
	}
	if err := e.Stop(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func (w *world) benchSubscription(b *testing.B) store.Subscription {
	b.Helper()
	org, on := newID(), store.Lifecycle{Active: true, ActiveChangedAt: now()}
	s := store.Subscription{
		ID: newID(), OrganizationID: org, PostURI: "https://example.com/", Version: "v1",
		Selectors: []store.Selector{{Pattern: "*"}}, Lifecycle: on,
	}
	secret := store.Secret{ID: newID(), OrganizationID: org, SubscriptionID: s.ID, Key: []byte("x"), ValidFrom: now()}
	if err := w.store.CreateSubscription(b.Context(), s, secret); err != nil {
		b.Fatal(err)
	}
	return s
}
