package webhooks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// frozen is a store that does not answer: its calls end with their contexts.
type frozen struct{ store.Store }

func (frozen) Publish(ctx context.Context, _ store.Tx, _ []store.NewMessage, _ store.PublishOptions) ([]store.Published, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAFrozenStoreIsUnavailableWithinTheStoreTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := memstore.New()
		hooks, err := webhooks.New(frozen{memory}, webhooks.Config{})
		check(err)
		category, err := hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "n", Code: "c"})
		check(err)
		_, err = hooks.Registry.CreateEventType(t.Context(), category.ID, webhooks.EventTypeInput{Name: "n", Code: "a.b", Version: "v1"})
		check(err)
		tx, err := memory.Begin(t.Context())
		check(err)
		event, org := webhooks.Event{Type: "a.b", Data: 1}, uuid.New()
		for rule, call := range map[string]func() error{
			"Publish": func() error { _, err := hooks.Dispatcher.Publish(t.Context(), org, event); return err },
			"PublishTx": func() error {
				_, err := hooks.Dispatcher.PublishTx(t.Context(), tx, org, event)
				return err
			},
			"PublishBatch": func() error {
				_, err := hooks.Dispatcher.PublishBatch(t.Context(), org, []webhooks.Event{event, event})
				return err
			},
		} {
			began := time.Now()
			if err := call(); !errors.Is(err, webhooks.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want ErrUnavailable", rule, err)
			}
			if took := time.Since(began); took != 10*time.Second {
				t.Errorf("%s took %v, want 10 s", rule, took)
			}
		}
		check(tx.Rollback())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := hooks.Dispatcher.Publish(ctx, org, event); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's time-out: %v, want DeadlineExceeded", err)
		}
		synctest.Wait()
	})
}

// A caller without a deadline holds the only connection of the pool.
func TestPublishEndsWhenThePoolIsExhausted(t *testing.T) {
	t.Parallel()
	eachSQLService(t, 1, func(t *testing.T, s *service) {
		hooks, err := webhooks.New(s.sql, webhooks.Config{StoreTimeout: 100 * time.Millisecond})
		check(err)
		tx, err := s.begin(context.Background())
		check(err)
		_, err = hooks.Dispatcher.Publish(context.Background(), s.org, webhooks.Event{Type: "order.paid", Data: 1})
		if !errors.Is(err, webhooks.ErrUnavailable) || !strings.Contains(err.Error(), "each connection of its pool is in use") {
			t.Errorf("Publish gave %v, want ErrUnavailable with the cause", err)
		}
		_, err = s.Dispatcher.PublishTx(context.Background(), tx, s.org, webhooks.Event{Type: "order.paid", Data: 1})
		check(err) // it needs no second connection
		check(tx.Commit())
		s.wantDeliveries(t, 1)
	})
}
