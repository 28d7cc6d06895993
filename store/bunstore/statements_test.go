package bunstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// mostStatements bounds the statements that PublishTx adds to the caller's transaction.
const mostStatements = 3

// statements counts the statements that are sent to the database.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestPublishTxAddsFewStatements(t *testing.T) {
	t.Parallel()
	for _, subscriptions := range []int{1, 1000} {
		t.Run(fmt.Sprintf("FanOut%d", subscriptions), func(t *testing.T) {
			t.Parallel()
			config, counted := parse(t, testpg.DSN(t)), new(statements)
			config.Tracer = counted
			pool := stdlib.OpenDB(*config)
			t.Cleanup(func() { check(t, pool.Close()) })
			s := migrated(t, newOn(t, pool, bunstore.Options{}))
			sc := newScene(t, s)
			for range subscriptions - 1 {
				sc.subscribe()
			}
			_, err := s.UpdateCategory(t.Context(), sc.event.CategoryID, func(c *store.Category) error { c.Active = true; return nil })
			check(t, err)
			_, err = s.UpdateEventType(t.Context(), sc.event.ID, func(e *store.EventType) error { e.Active = true; return nil })
			check(t, err)
			hooks, err := webhooks.New(s, webhooks.Config{})
			check(t, err)
			publish := func() int64 {
				tx, err := s.DB().BeginTx(t.Context(), nil)
				check(t, err)
				before := counted.n.Load()
				p, err := hooks.Dispatcher.PublishTx(t.Context(), bunstore.Tx(tx), sc.org, webhooks.Event{Type: sc.event.Code, Data: 1})
				added := counted.n.Load() - before
				check(t, err)
				check(t, tx.Commit())
				if p.Deliveries != subscriptions {
					t.Fatalf("%d deliveries, want %d", p.Deliveries, subscriptions)
				}
				return added
			}
			if n := publish(); n > mostStatements {
				t.Errorf("PublishTx added %d statements, want at most %d", n, mostStatements)
			} else {
				t.Logf("%d statements", n)
			}
		})
	}
}
