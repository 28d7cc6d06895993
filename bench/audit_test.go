package bench_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
)

// BenchmarkAudit changes the descriptions of subscriptions, by one client and by eight, which have a subscription each. The limit
// is the same library on a store that keeps no entries of these changes. A run is a hundredth of BENCH_EVENTS changes, and there
// are ten times as many pairs of runs as elsewhere.
func BenchmarkAudit(b *testing.B) {
	testpg.DSN(b)
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			limit := newChanges(b, unaudited{newPostgres(b)}, clients)
			ours := newChanges(b, newPostgres(b), clients)
			compareTimes(b, 10*pairs, limit.run, ours.run)
			if with, without := ours.entries(b), limit.entries(b); !with || without {
				b.Fatalf("entries of the audit trail: %t, and of the limit: %t", with, without)
			}
		})
	}
}

// unaudited is a store that drops the audit entries of changed subscriptions.
type unaudited struct{ store.Store }

func (s unaudited) UpdateSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, update func(*store.Subscription) error,
) (store.Subscription, error) {
	return s.Store.UpdateSubscription(store.WithAudit(ctx, nil), org, id, now, update)
}

// changes is a library with subscriptions to change.
type changes struct {
	*library
	subs     []webhooks.Subscription // one for each client
	n        int                     // changes that a client makes in a run
	database int                     // the parent of PostgreSQL's processes
}

func newChanges(b testing.TB, s store.Store, clients int) *changes {
	b.Helper()
	l := newLibrary(b, s, func(c *webhooks.Config) { c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil)) })
	l.catalog()
	c := &changes{library: l, n: max(events/100/clients, 1), database: postmaster(b)}
	for range clients {
		c.subs = append(c.subs, l.subscribe(uuid.New(), "https://example.com/hook"))
	}
	return c
}

// run returns the changes in a second, and the CPU time of this process and of PostgreSQL for 1,000 changes.
func (c *changes) run(b testing.TB) figures {
	b.Helper()
	n, began := c.n*len(c.subs), time.Now()
	cpu := ownCPU(c.database, func() {
		var all sync.WaitGroup
		for _, sub := range c.subs {
			all.Go(func() { c.change(b.Context(), sub) })
		}
		all.Wait()
	})
	return figures{"changes/s": perSecond(n, began, time.Now()), "cpu-s/1000": cpu / float64(n) * 1000}
}

// change changes the description of a subscription, again and again.
func (c *changes) change(ctx context.Context, sub webhooks.Subscription) {
	for range c.n {
		_, err := c.Subscriptions.Update(ctx, sub.OrganizationID, sub.ID,
			func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
				in.Description = uuid.NewString()
				return nil
			})
		if err != nil {
			panic(err) // in a goroutine, which must not call FailNow
		}
	}
}

// entries reports whether the audit trail has more than the creation of a subscription.
func (c *changes) entries(b testing.TB) bool {
	b.Helper()
	trail, err := c.AuditTrail(b.Context(), webhooks.AuditQuery{ResourceID: c.subs[0].ID.String(), Page: webhooks.Page{Take: 2}})
	check(b, err)
	return len(trail.Items) > 1
}
