package memstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// newMessage makes a message that "*" of v1 matches.
func newMessage(org uuid.UUID, key string) store.NewMessage {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return store.NewMessage{
		Message:        store.Message{ID: newID(), OrganizationID: org, Body: []byte(`{"data":1}`), CreatedAt: now},
		Topics:         store.Topics(newID(), "a", "v1"),
		IdempotencyKey: key,
	}
}

func subscribe(t *testing.T, s *memstore.Store, org uuid.UUID) store.Subscription {
	t.Helper()
	sub := store.Subscription{
		ID: newID(), OrganizationID: org, Version: "v1", Selectors: []store.Selector{{Pattern: "*"}},
		Lifecycle: store.Lifecycle{Active: true},
	}
	if err := s.CreateSubscription(t.Context(), sub, store.Secret{ID: newID(), SubscriptionID: sub.ID}); err != nil {
		t.Fatal(err)
	}
	return sub
}

var options = store.PublishOptions{NewID: newID}

func TestTx_CommitFailsIfTheKeyWasUsedMeanwhile(t *testing.T) {
	t.Parallel()
	s, org := memstore.New(), uuid.New()
	subscribe(t, s, org)
	tx, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inside := newMessage(org, "key")
	if _, err := s.Publish(t.Context(), tx, []store.NewMessage{newMessage(org, ""), inside}, options); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), nil, []store.NewMessage{newMessage(org, "key")}, options); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("Commit: got error %v, want ErrConflict", err)
	}
	if _, err := s.Message(t.Context(), org, inside.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Message: got error %v, want ErrNotFound", err)
	}
	jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
	if err != nil || len(jobs) != 1 {
		t.Errorf("Claim: %d jobs, error %v; want the one of the message outside", len(jobs), err)
	}
}

func TestTx_IsOfNoUseOnceEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(store.Tx) error{"Commit": store.Tx.Commit, "Rollback": store.Tx.Rollback} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			tx, err := s.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := end(tx); err != nil {
				t.Fatal(err)
			}
			if tx.Commit() == nil || tx.Rollback() == nil {
				t.Error("the transaction ended twice")
			}
			if _, err := s.Publish(t.Context(), tx, []store.NewMessage{newMessage(uuid.New(), "")}, options); err == nil {
				t.Error("Publish: no error")
			}
		})
	}
}

func TestTx_OfAnotherStoreIsForeign(t *testing.T) {
	t.Parallel()
	tx, err := memstore.New().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = memstore.New().Publish(t.Context(), tx, []store.NewMessage{newMessage(uuid.New(), "")}, options)
	if !errors.Is(err, store.ErrForeignTx) {
		t.Errorf("got error %v, want ErrForeignTx", err)
	}
}

func TestStore_LeasesEndByTheBubblesClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options []memstore.Option
		woken   int
	}{
		"WokenByWhatIsPublished":            {nil, 1},
		"WithClockWokenByTheEndOfALeaseToo": {[]memstore.Option{memstore.WithClock(clock.System)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if woken := wakesOfALease(t, memstore.New(c.options...)); woken != c.woken {
					t.Errorf("woken %d times, want %d", woken, c.woken)
				}
			})
		})
	}
}

// wakesOfALease publishes, claims, lets the lease end and claims again. It returns how often a listener was woken, after the
// beginning.
func wakesOfALease(t *testing.T, s *memstore.Store) (woken int) {
	t.Helper()
	org := uuid.New()
	subscribe(t, s, org)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = s.Listen(ctx, func() { woken++ }) }()
	synctest.Wait()
	woken = 0
	if _, err := s.Publish(ctx, nil, []store.NewMessage{newMessage(org, "")}, options); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Minute - time.Nanosecond, 0}, {time.Nanosecond, 1}} {
		time.Sleep(step.after) // the bubble's clock, not ours
		jobs, _, err := s.Claim(ctx, store.ClaimOptions{Max: 10, Lease: time.Minute})
		if err != nil || len(jobs) != step.want {
			t.Errorf("after %v: %d jobs, error %v; want %d", step.after, len(jobs), err, step.want)
		}
	}
	synctest.Wait()
	return woken
}

func TestStore_RefusesWhenContextIsDone(t *testing.T) {
	t.Parallel()
	s, org := memstore.New(), uuid.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := newMessage(org, "")
	if _, err := s.Publish(ctx, nil, []store.NewMessage{m}, options); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish: got error %v, want context.Canceled", err)
	}
	if _, err := s.Message(t.Context(), org, m.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Message: got error %v, want ErrNotFound", err)
	}
}

// BenchmarkClaim claims and records with 100,000 attempts in the queue.
func BenchmarkClaim(b *testing.B) {
	s, org := memstore.New(), uuid.New()
	sub := store.Subscription{
		ID: newID(), OrganizationID: org, Version: "v1", Selectors: []store.Selector{{Pattern: "*"}},
		Lifecycle: store.Lifecycle{Active: true},
	}
	if err := s.CreateSubscription(b.Context(), sub, store.Secret{ID: newID()}); err != nil {
		b.Fatal(err)
	}
	publish := func() {
		if _, err := s.Publish(b.Context(), nil, []store.NewMessage{newMessage(org, "")}, options); err != nil {
			b.Fatal(err)
		}
	}
	for range 100_000 {
		publish()
	}
	for b.Loop() {
		publish()
		jobs, _, err := s.Claim(b.Context(), store.ClaimOptions{Max: 1, Lease: time.Minute})
		if err != nil || len(jobs) != 1 {
			b.Fatal(len(jobs), err)
		}
		outcome := store.Outcome{Lease: jobs[0].Lease, Status: store.Succeeded}
		if lost, err := s.Record(b.Context(), []store.Outcome{outcome}); err != nil || len(lost) > 0 {
			b.Fatal(lost, err)
		}
	}
}
