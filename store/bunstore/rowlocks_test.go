package bunstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Where another transaction has locked a row of two, the other row is processed, and nothing
// waits for the lock.
func TestLockedRowsAreSkipped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scene   func(w week) // makes two rows
		locked  string       // one of them
		process func(ctx context.Context, w week) (int, error)
	}{
		"Claim": {
			scene:  func(w week) { w.publishAt(w.messageAt(w.now), w.now, 0); w.publishAt(w.messageAt(w.now), w.now, 0) },
			locked: "{}queue ORDER BY due_at, attempt_id",
			process: func(ctx context.Context, w week) (int, error) {
				jobs, _, err := w.s.Claim(ctx, store.ClaimOptions{Max: 10, Lease: time.Minute})
				return len(jobs), err
			},
		},
		"AdvanceRecovery": {
			scene: func(w week) {
				for range 2 {
					check(w.tb, w.s.CreateRecovery(w.tb.Context(), w.recovery()))
				}
			},
			locked: "{}recoveries ORDER BY due_at, id",
			process: func(ctx context.Context, w week) (n int, err error) {
				for {
					advanced, err := w.s.AdvanceRecovery(ctx, store.AdvanceOptions{Max: 10, NewID: newID, At: w.now, ExpiresAt: w.now.Add(time.Hour)})
					if err != nil || !advanced {
						return n, err
					}
					n++
				}
			},
		},
		"Prune of messages": {
			scene:  func(w week) { w.doneAt(w.noon(6)); w.doneAt(w.noon(6)) },
			locked: "{}messages ORDER BY created_at, id",
			process: func(ctx context.Context, w week) (int, error) {
				return w.s.Prune(ctx, w.noon(6).Add(time.Second), 1000)
			},
		},
		"Prune of idempotency keys": {
			scene: func(w week) {
				for _, key := range []string{"a", "b"} {
					m := w.keyed(key, key)
					m.CreatedAt = w.noon(0)
					_, err := w.s.Publish(w.tb.Context(), nil, []store.NewMessage{m}, w.options(0))
					check(w.tb, err)
				}
			},
			locked: "{}idempotency_keys ORDER BY key",
			process: func(ctx context.Context, w week) (int, error) {
				before := w.count("{}idempotency_keys")
				_, err := w.s.Prune(ctx, w.noon(6), 1000)
				return before - w.count("{}idempotency_keys"), err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWeek(t)
			c.scene(w)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // ends a waiting statement
			defer cancel()
			unlock := w.hold("SELECT 1 FROM " + c.locked + " LIMIT 1 FOR UPDATE")
			n, err := c.process(ctx, w)
			if err != nil || n != 1 {
				t.Errorf("%d processed, %v, want 1 beside the locked row", n, err)
			}
			unlock()
			n, err = c.process(t.Context(), w)
			if err != nil || n != 1 {
				t.Errorf("%d processed, %v, want the row that was locked", n, err)
			}
		})
	}
}

// recovery is a job for all that the scene's subscription missed.
func (w week) recovery() store.Recovery {
	return store.Recovery{
		ID: newID(), OrganizationID: w.org, SubscriptionID: w.sub.ID, Scope: store.RecoverAll,
		Since: w.noon(0), Until: w.now, CreatedAt: w.now, CreatedBy: "ann",
	}
}

// An operation that adds rows to a subscription during its deletion waits for the end of the
// deletion, and then does not find the subscription.
func TestADeletionIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]func(ctx context.Context, w week, external uuid.UUID) error{
		"AddAttempt": func(ctx context.Context, w week, _ uuid.UUID) error {
			m := w.messageAt(w.now).Message
			_, err := w.s.AddAttempt(ctx, w.org, w.sub.ID, store.NewAttempt{ID: newID(), Message: &m, At: w.now, ExpiresAt: w.now.Add(time.Hour)})
			return err
		},
		"CreateRecovery": func(ctx context.Context, w week, _ uuid.UUID) error { return w.s.CreateRecovery(ctx, w.recovery()) },
		"Report": func(ctx context.Context, w week, external uuid.UUID) error {
			_, err := w.s.Report(ctx, w.org, w.sub.ID, external, func(store.Attempt) (*store.Report, error) {
				return &store.Report{Status: store.Failed, At: w.now, Next: &store.Next{ID: newID(), DueAt: w.now}}, nil
			})
			return err
		},
		"AddSecret": func(ctx context.Context, w week, _ uuid.UUID) error {
			return w.s.AddSecret(ctx, w.org, w.sub.ID, func(store.Subscription, store.Secret) (store.Secret, error) {
				return store.Secret{ID: newID(), OrganizationID: w.org, SubscriptionID: w.sub.ID, Key: []byte("new"), ValidFrom: w.now}, nil
			})
		},
		"UpdateSubscription": func(ctx context.Context, w week, _ uuid.UUID) error {
			_, err := w.s.UpdateSubscription(ctx, w.org, w.sub.ID, w.now, func(s *store.Subscription) error {
				s.Description = "new"
				return nil
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWeek(t)
			m := w.messageAt(w.now).Message
			external, err := w.s.AddAttempt(t.Context(), w.org, w.sub.ID, store.NewAttempt{
				ID: newID(), Message: &m, External: true, At: w.now, ExpiresAt: w.now.Add(time.Hour),
			})
			check(t, err)
			done := make(chan struct{})
			var added error
			check(t, w.s.DeleteSubscription(t.Context(), w.org, w.sub.ID, w.now, func(store.Subscription) error {
				go func() {
					defer close(done)
					added = add(context.Background(), w, external.ID)
				}()
				w.await(done, "pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{schema}%'")
				return nil
			}))
			<-done
			if !errors.Is(added, store.ErrNotFound) {
				t.Errorf("%v, want it not to be found", added)
			}
			w.claim(0)
		})
	}
}
