package bunstore_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// mostStatements bounds the statements that PublishTx and PublishBatchTx add to the caller's transaction.
const mostStatements = 3

// statements counts the statements that are sent to the database.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// counted counts the statements that a publish adds to a transaction of another pool than the store's.
type counted struct {
	*scene
	hooks *webhooks.Webhooks
	statements
}

func newCounted(t *testing.T, s *bunstore.Store, subscriptions int) *counted {
	t.Helper()
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
	return &counted{scene: sc, hooks: hooks}
}

func (c *counted) publish(t *testing.T, tx store.Tx, batch, wantDeliveries int) {
	t.Helper()
	before := c.n.Load()
	published, err := c.hooks.Dispatcher.PublishBatchTx(t.Context(), tx, c.org,
		slices.Repeat([]webhooks.Event{{Type: c.event.Code, Data: 1}}, batch))
	check(t, err)
	if added := c.n.Load() - before; added > mostStatements || added == 0 {
		t.Errorf("the publish added %d statements, want 1 to %d", added, mostStatements)
	}
	check(t, tx.Commit())
	if n := published[0].Deliveries; n != wantDeliveries {
		t.Fatalf("%d deliveries, want %d", n, wantDeliveries)
	}
}

func TestPublishTxAddsFewStatements(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ subscriptions, batch int }{{1, 1}, {1000, 1}, {1, webhooks.MaxBatch}} {
		t.Run(fmt.Sprintf("FanOut%dBatch%d", size.subscriptions, size.batch), func(t *testing.T) {
			t.Parallel()
			s := newPostgres(t)
			c := newCounted(t, s, size.subscriptions)
			config := parse(t, testpg.DSN(t))
			config.Tracer = c
			pool := stdlib.OpenDB(*config)
			t.Cleanup(func() { check(t, pool.Close()) })
			tx, err := pool.BeginTx(t.Context(), nil)
			check(t, err)
			c.publish(t, bunstore.Tx(tx), size.batch, size.subscriptions)

			conn, err := pgx.ConnectConfig(t.Context(), config)
			check(t, err)
			t.Cleanup(func() { check(t, conn.Close(context.Background())) })
			native, err := conn.Begin(t.Context())
			check(t, err)
			c.publish(t, bunstore.PgxTx(native), size.batch, size.subscriptions)
		})
	}
}
