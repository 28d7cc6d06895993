package delivery_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// The guard bounds the work that one group can make for it.
func TestAnOrganizationIsAGroupOfRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, orgs := newWorld(t), []uuid.UUID{newID(), newID()}
		var mu sync.Mutex
		groups := map[string]int{}
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			mu.Lock()
			defer mu.Unlock()
			groups[r.Group]++
			return guard.Result{Status: 200}
		}))
		for _, org := range orgs {
			w.subscribe(org)
			w.subscribe(org)
			w.publish(org, 1)
		}
		w.must(e.Start(t.Context()))
		settle()
		w.must(e.Stop(t.Context()))
		if len(groups) != 2 || groups[orgs[0].String()] != 2 || groups[orgs[1].String()] != 2 {
			t.Errorf("%v, want two requests of each of %v", groups, orgs)
		}
	})
}
