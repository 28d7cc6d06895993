package delivery_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// Attempts that are committed a little late are claimed at once: the first time because the look-back is
// long in the beginning, later because it has learned from them.
func TestClaimsFindLateAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub, posts, spy := w.subscribe(org), &order{}, &claims{Store: w.store}
		e := w.engine(posts, func(c *delivery.Config) { c.Store, c.PollInterval = spy, 20*time.Millisecond })
		w.must(e.Start(t.Context()))
		sent := 0
		late := func(by, within time.Duration) {
			w.publishLate(by, w.message(org))
			sent++
			pass(within)
			if posts.count(sub, 10_000) != sent {
				t.Errorf("number %d, %v late, was not sent after %v", sent, by, within)
			}
		}
		for range 20 {
			late(4*time.Second, 30*time.Millisecond)
		}
		for range 500 {
			late(100*time.Millisecond, 50*time.Millisecond)
		}
		late(time.Minute, 300*time.Millisecond)
		late(0, time.Second)
		for _, a := range spy.from(newID(), now().Add(-time.Second)) {
			if !a.Since.IsZero() && a.Since.Before(now().Add(-2*time.Second)) {
				t.Errorf("a claim began %v ago", now().Sub(a.Since))
			}
		}
		late(2*time.Second, 300*time.Millisecond)
		for range 100 {
			late(2*time.Second, 30*time.Millisecond)
			pass(100 * time.Millisecond)
		}
		w.must(e.Stop(t.Context()))
	})
}

// While a subscription is skipped, full scans are rare, and claims always look back far enough for
// attempts that are committed a little late.
func TestClaimsFindLateAttemptsBehindABacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, posts := newWorld(t), &order{}
		slow := w.subscribe(newID(), func(s *store.Subscription) { s.PostURI = "https://example.com/slow" })
		other := w.subscribe(newID(), func(s *store.Subscription) { s.PostURI = "https://example.com/other" })
		w.publish(slow.OrganizationID, 4000)
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() == slow.PostURI {
				time.Sleep(400 * time.Millisecond)
			}
			return posts.Post(ctx, r)
		}), func(c *delivery.Config) {
			c.PollInterval, c.Workers, c.PerSubscription, c.Backlog = 20*time.Millisecond, 64, 16, 128
		})
		w.must(e.Start(t.Context()))
		pass(time.Second)
		for n := range 60 {
			by := time.Duration(0)
			if n > 50 {
				by = 2 * time.Second
			}
			w.publishLate(by, w.message(other.OrganizationID))
			pass(50 * time.Millisecond)
			if posts.count(other, 100_000) != n+1 {
				t.Fatalf("number %d, %v late, was not sent after 50 ms", n, by)
			}
			pass(150 * time.Millisecond)
		}
		if posts.count(slow, 100_000) > 3900 {
			t.Error("there was no queue any more")
		}
		w.must(e.Stop(t.Context()))
	})
}

// A subscription for which there was no room is not forgotten, old as its deliveries are.
func TestClaimsComeBackForAttemptsWithoutRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org, posts := newWorld(t), newID(), &order{}
		slow := w.subscribe(org, func(s *store.Subscription) { s.PostURI, s.Version = "https://example.com/slow", "v2" })
		messages := make([]store.NewMessage, 400)
		for i := range messages {
			messages[i] = w.message(org)
			messages[i].Topics = store.Topics(w.typ.ID, w.typ.Code, slow.Version)
		}
		_, err := w.store.Publish(context.Background(), nil, messages, store.PublishOptions{NewID: newID})
		w.must(err)
		pass(time.Hour)
		w.subscribe(org)
		w.publish(org, 10_000)
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() == slow.PostURI {
				time.Sleep(400 * time.Millisecond)
			}
			return posts.Post(ctx, r)
		}), func(c *delivery.Config) {
			c.Store, c.Workers, c.PerSubscription, c.Backlog = &claims{Store: w.store, takes: 20 * time.Millisecond}, 64, 16, 128
		})
		w.must(e.Start(t.Context()))
		pass(12 * time.Second)
		if n := posts.count(slow, 20_000); n != 400 {
			t.Errorf("%d of 400 were sent in 12 s, at 40 a second", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// Claims begin at the watermark instead of walking past delivered attempts, whether they take all due
// attempts or leave some. Attempts that were committed late are found nevertheless.
func TestClaimsBeginBehindDeliveredAttempts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		first, every int // how many are published an hour before the start, and in each 10 ms
		takes        time.Duration
		claims       int           // claims in 3 s, at least
		everything   int           // full scans among the claims, at most
		late         time.Duration // until an attempt is found that was committed late
	}{
		{"LittleAtATime", 0, 2, 15 * time.Millisecond, 70, 13, 300 * time.Millisecond},
		{"AQueue", 30_000, 0, 75 * time.Millisecond, 35, 3, 5200 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				own := w.subscribe(org, func(s *store.Subscription) { s.PostURI, s.Version = "https://example.com/own", "v2" })
				other := w.subscribe(newID())
				toOwn := w.message(org)
				toOwn.Topics = store.Topics(w.typ.ID, w.typ.Code, own.Version)
				commitLate := w.publishInTx(toOwn, w.message(other.OrganizationID))
				pass(time.Hour)
				w.subscribe(org)
				spy, posts := &claims{Store: w.store, takes: c.takes}, &order{}
				e := w.engine(posts, func(cfg *delivery.Config) {
					cfg.Store, cfg.Workers, cfg.PerSubscription, cfg.PollInterval = spy, 256, 64, 20*time.Millisecond
				})
				goOn := func() {
					for range 300 {
						w.publish(org, c.every)
						pass(10 * time.Millisecond)
					}
				}
				hourAgo := now()
				w.publish(org, c.first)
				pass(time.Hour)
				w.must(e.Start(t.Context()))
				goOn()
				began := now()
				goOn()
				all, everything := spy.from(newID(), began), 0
				for _, a := range all {
					from := began
					if c.first > 0 && !slices.Contains(a.SkipOrganizations, org) {
						from = hourAgo
					}
					if a.Since.IsZero() {
						everything++
					} else if a.Since.Before(from.Add(-6 * time.Second)) {
						t.Errorf("a claim began %v before what is to be sent", from.Sub(a.Since))
					}
				}
				if everything > c.everything || len(all) < c.claims {
					t.Errorf("%d of %d claims looked through everything", everything, len(all))
				}
				commitLate()
				pass(c.late)
				if posts.count(own, 100_000) != 1 || posts.count(other, 100_000) != 1 {
					t.Error("what was committed late was not sent")
				}
				if full := spy.full(); c.first > 0 && full[len(full)-1].at.Before(now().Add(-time.Second)) {
					t.Error("there was no queue any more")
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}

// walks is a store whose claims walk past the attempts that were delivered in the last ten minutes: a claim takes a second for all of them.
type walks struct {
	store.Store
	longest *atomic.Int64
}

func (w walks) Claim(ctx context.Context, o store.ClaimOptions) ([]store.Job, time.Time, error) {
	const kept, quickness = 10 * time.Minute, 600
	until := now()
	if !o.Until.IsZero() {
		until = o.Until
	}
	from := now().Add(-kept)
	if o.Since.After(from) {
		from = o.Since
	}
	walk := max(0, until.Sub(from)) / quickness
	w.longest.Store(max(w.longest.Load(), int64(walk)))
	time.Sleep(time.Millisecond + walk)
	return w.Store.Claim(ctx, o)
}

func (walks) Abilities() store.Abilities { return store.Abilities{} }

// Where a look at all attempts takes a second, nobody waits for it, and attempts that were committed late are found nevertheless:
// soon if they are a little late, and within fifteen times as long as a look takes if they are older than all that was delivered.
func TestNobodyWaitsForALookAtAllThatTakesLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org, posts := newWorld(t), newID(), &order{}
		sub := w.subscribe(org)
		var longest atomic.Int64
		e := w.engine(posts, func(c *delivery.Config) { c.Store, c.PollInterval = walks{w.store, &longest}, 20*time.Millisecond })
		w.must(e.Start(t.Context()))
		pass(2 * time.Second)
		longest.Store(0) // after the first look
		sent := 0
		publish := func(late, within time.Duration) {
			w.publishLate(late, w.message(org))
			sent++
			pass(within)
			if n := posts.count(sub, 10_000); n != sent {
				t.Fatalf("%d of %d were sent %v after the last one, which was %v late", n, sent, within, late)
			}
		}
		for range 200 {
			publish(0, 50*time.Millisecond)
		}
		publish(20*time.Second, 15*time.Second)
		publish(5*time.Minute, 15*time.Second)
		publish(time.Hour, 15*time.Second)
		if walk := time.Duration(longest.Load()); walk > 200*time.Millisecond {
			t.Errorf("a claim walked for %v", walk)
		}
		w.must(e.Stop(t.Context()))
	})
}
