package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// maintained is a store with all abilities.
type maintained struct {
	store.Store
	calls int
}

func (m *maintained) Maintain(context.Context, time.Time) error { m.calls++; return nil }

func (m *maintained) Abilities() store.Abilities {
	a := m.Store.Abilities()
	a.Maintainer = m
	return a
}

func TestADecoratedStoreKeepsItsAbilities(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		inner := &maintained{Store: w.store}
		e := w.engine(answer(200), func(c *delivery.Config) {
			c.Store, c.PollInterval = struct{ store.Store }{inner}, time.Hour
		})
		w.must(e.Start(t.Context()))
		synctest.Wait()
		w.publish(org, 1) // which the engine hears of, or finds an hour later
		settle()
		if got := w.attempts(sub); got[0].Status != store.Succeeded {
			t.Errorf("the attempt is %v: the engine does not listen", got[0].Status)
		}
		w.must(e.Stop(t.Context()))
		if inner.calls != 1 {
			t.Errorf("maintained %d times, want 1", inner.calls)
		}
	})
}
