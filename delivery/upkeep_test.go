package delivery_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// upkept is a store that notes its upkeep.
type upkept struct {
	store.Store
	failure error

	mu         sync.Mutex
	maintained []time.Time
	pruned     []time.Time // the cutoff of each call
	left       int         // how many messages Prune finds
	audits     []time.Time // the cutoff of each call of PruneAudit
	entries    int         // how many entries PruneAudit finds
	used       []time.Time // the cutoff of each call of PruneUsed
}

func (u *upkept) PruneUsed(_ context.Context, before time.Time, _ int) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used = append(u.used, before)
	return 0, nil
}

func (u *upkept) PruneAudit(_ context.Context, before time.Time, most int) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.audits = append(u.audits, before)
	n := min(most, u.entries)
	u.entries -= n
	return n, nil
}

func (u *upkept) Maintain(_ context.Context, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.maintained = append(u.maintained, now.UTC())
	return u.failure
}

func (u *upkept) Abilities() store.Abilities { return store.Abilities{Maintainer: u} }

func (u *upkept) Prune(_ context.Context, before time.Time, most int) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pruned = append(u.pruned, before)
	n := min(most, u.left)
	u.left -= n
	return n, nil
}

// upkeep runs an engine for two and a half hours of the bubble's clock, from half past ten.
func upkeep(t *testing.T, w *world, u *upkept, retention time.Duration) {
	t.Helper()
	u.Store = w.store
	time.Sleep(10*time.Hour + 30*time.Minute)
	e := w.engine(answer(200), func(c *delivery.Config) { c.Store, c.Retention = u, retention })
	w.must(e.Start(t.Context()))
	time.Sleep(2*time.Hour + 30*time.Minute)
	w.must(e.Stop(t.Context()))
}

func TestHistoryEndsAtTheBeginningOfADay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule      string
		retention time.Duration
		want      []time.Time
	}{
		{"From48Hours", 48 * time.Hour, slices.Repeat([]time.Time{time.Date(1999, 12, 30, 0, 0, 0, 0, time.UTC)}, 3)},
		{"NotBelow", 47 * time.Hour, []time.Time{
			time.Date(1999, 12, 30, 11, 30, 0, 0, time.UTC), time.Date(1999, 12, 30, 12, 30, 0, 0, time.UTC),
			time.Date(1999, 12, 30, 13, 30, 0, 0, time.UTC),
		}},
		{"NorForEver", -1, nil},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // the clock begins with the year 2000, in UTC
				var u upkept
				upkeep(t, newWorld(t), &u, test.retention)
				if !slices.Equal(u.pruned, test.want) {
					t.Errorf("pruned %v, want %v", u.pruned, test.want)
				}
			})
		})
	}
}

func TestHistoryIsPrunedUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := upkept{left: 1200}
		upkeep(t, newWorld(t), &u, 48*time.Hour)
		if len(u.pruned) != 3+1200/200 || u.left != 0 {
			t.Errorf("pruned %d times, %d are left", len(u.pruned), u.left)
		}
	})
}

func TestUpkeepIsHourlyWhateverTheRetention(t *testing.T) {
	t.Parallel()
	for _, retention := range []time.Duration{-1, 48 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w, u := newWorld(t), upkept{failure: errors.New("not the owner")}
			upkeep(t, w, &u, retention)
			var want []time.Time
			for hour := range 3 {
				want = append(want, time.Date(2000, 1, 1, 10+hour, 30, 0, 0, time.UTC))
			}
			if !slices.Equal(u.maintained, want) {
				t.Errorf("retention %v: maintained at %v, want %v", retention, u.maintained, want)
			}
			if w.count(delivery.StoreDown) != 0 {
				t.Error("a store that fails in its upkeep is not away")
			}
		})
	}
}

func TestAuditEntriesEndAfterTheirOwnRetention(t *testing.T) {
	t.Parallel()
	for retention, want := range map[time.Duration]int{0: 3 + 500/200, 72 * time.Hour: 3 + 500/200, -1: 0} {
		synctest.Test(t, func(t *testing.T) {
			w, u := newWorld(t), &upkept{entries: 500}
			u.Store = w.store
			e := w.engine(answer(200), func(c *delivery.Config) { c.Store, c.Retention, c.AuditRetention = u, -1, retention })
			w.must(e.Start(t.Context()))
			time.Sleep(2*time.Hour + 30*time.Minute)
			w.must(e.Stop(t.Context()))
			kept := retention
			if kept == 0 {
				kept = 400 * 24 * time.Hour
			}
			if len(u.audits) != want || want > 0 && !u.audits[0].Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(-kept)) {
				t.Errorf("retention %v: pruned before %v, want %d calls", retention, u.audits, want)
			}
			if len(u.pruned) != 0 {
				t.Errorf("history was pruned: %v", u.pruned)
			}
		})
	}
}

func TestExpiredIDsAreKeptForAnHourWhateverTheRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var u upkept
		upkeep(t, newWorld(t), &u, -1)
		var want []time.Time
		for hour := range 3 {
			want = append(want, time.Date(2000, 1, 1, 9+hour, 30, 0, 0, time.UTC))
		}
		if !slices.Equal(u.used, want) {
			t.Errorf("pruned before %v, want %v", u.used, want)
		}
	})
}
