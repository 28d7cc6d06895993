package memstore

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const day = 24 * time.Hour

// Layout describes the store.
func (s *Store) Layout(ctx context.Context) (store.Layout, error) {
	return locked(ctx, s, func() (store.Layout, error) {
		l := store.Layout{Kind: "memory"}
		if n := len(s.byAge); n > 0 {
			l.FirstDay, l.LastDay = s.byAge[0].CreatedAt.UTC().Truncate(day), s.byAge[n-1].CreatedAt.UTC().Truncate(day)
		}
		for _, e := range s.erasures {
			if e.State == store.ErasureRunning {
				l.RunningErasures++
			}
		}
		return l, nil
	})
}

// SeenHosts returns an empty list: there is one process.
func (s *Store) SeenHosts(context.Context, int) ([]store.SeenHost, error) { return nil, nil }

// Traffic looks at each record, because all of them are in memory.
func (s *Store) Traffic(ctx context.Context, since time.Time, most int) (store.Traffic, error) {
	return locked(ctx, s, func() (t store.Traffic, err error) {
		for _, m := range s.byAge {
			if !m.CreatedAt.Before(since) && m.SubscriptionID == uuid.Nil {
				t.Published++
			}
		}
		failed, n := map[uuid.UUID]int{}, 0
		for _, a := range s.attempts {
			if a.CreatedAt.Before(since.Add(-store.TrafficReach)) || a.UpdatedAt.Before(since) {
				continue
			}
			switch n++; a.Status {
			case store.Succeeded:
				t.Succeeded++
			case store.Failed:
				t.Failed++
				failed[a.subscription.OrganizationID]++
			default:
			}
		}
		for org, n := range failed {
			t.MostFailures = append(t.MostFailures, store.OrganizationCount{OrganizationID: org, Count: n})
		}
		t.MostFailures = largest(t.MostFailures, store.MostFailures, func(c store.OrganizationCount) (int, uuid.UUID) {
			return c.Count, c.OrganizationID
		})
		t.Capped = t.Published >= most || n >= most
		for _, count := range []*int{&t.Published, &t.Succeeded, &t.Failed} {
			*count = min(*count, most)
		}
		return t, nil
	})
}

// largest returns the things with the largest counts, at most top; things with equal counts in the order of their ids.
func largest[T any](things []T, top int, key func(T) (int, uuid.UUID)) []T {
	slices.SortFunc(things, func(a, b T) int {
		m, x := key(a)
		n, y := key(b)
		return cmp.Or(cmp.Compare(n, m), compare(x, y))
	})
	return things[:min(len(things), top)]
}

// Backlogs counts the first attempts of the queue.
func (s *Store) Backlogs(ctx context.Context, top, most int) (store.Backlogs, error) {
	return locked(ctx, s, func() (store.Backlogs, error) {
		now := s.clock.Now()
		queue := slices.Clone(s.due)
		slices.SortFunc(queue, func(a, b *attempt) int { return cmp.Or(a.due.Compare(b.due), compare(a.ID, b.ID)) })
		queue = queue[:min(len(queue), most)]
		subs, orgs := map[uuid.UUID]store.Backlog{}, map[uuid.UUID]store.Backlog{}
		for _, a := range queue {
			if a.Status == store.Sending && a.due.After(now) {
				continue
			}
			sub := a.subscription
			add := func(to map[uuid.UUID]store.Backlog, key, subscription uuid.UUID) {
				b := to[key]
				b.OrganizationID, b.SubscriptionID = sub.OrganizationID, subscription
				b.Waiting++
				if !a.HeldUntil.IsZero() && a.due.After(now) {
					b.Held++
				}
				b.OldestDue = max(b.OldestDue, now.Sub(a.due))
				to[key] = b
			}
			add(subs, sub.ID, sub.ID)
			add(orgs, sub.OrganizationID, uuid.Nil)
		}
		return store.Backlogs{
			Organizations: largest(slices.Collect(maps.Values(orgs)), top, func(b store.Backlog) (int, uuid.UUID) {
				return b.Waiting, b.OrganizationID
			}),
			Subscriptions: largest(slices.Collect(maps.Values(subs)), top, func(b store.Backlog) (int, uuid.UUID) {
				return b.Waiting, b.SubscriptionID
			}),
			Capped: len(queue) >= most,
		}, nil
	})
}

// Unhealthy lists subscriptions that get nothing but probes, or nothing.
func (s *Store) Unhealthy(ctx context.Context, q store.UnhealthyQuery) (store.List[store.Target], error) {
	return locked(ctx, s, func() (store.List[store.Target], error) {
		kept := chosen(maps.Values(s.subscriptions), func(sub *subscription) bool {
			return !sub.deleted && q.Keeps(sub.Subscription, sub.health)
		}, subscriptionID)
		return newest(kept, q.After, q.Take, q.MaxTotal, subscriptionID, func(sub *subscription) store.Target {
			return store.Target{Health: sub.health, Subscription: store.Subscription{
				ID: sub.ID, OrganizationID: sub.OrganizationID, PostURI: sub.PostURI, InactiveReason: sub.InactiveReason, Lifecycle: sub.Lifecycle,
			}}
		}), nil
	})
}

// RecoveryJobs lists recoveries of all organizations.
func (s *Store) RecoveryJobs(ctx context.Context, q store.RecoveryQuery) (store.List[store.Recovery], error) {
	return locked(ctx, s, func() (store.List[store.Recovery], error) {
		id := func(r *recovery) uuid.UUID { return r.ID }
		kept := chosen(maps.Values(s.recoveries), func(r *recovery) bool { return q.State.Keeps(r.State) }, id)
		return newest(kept, q.After, q.Take, q.MaxTotal, id, func(r *recovery) store.Recovery { return r.Recovery }), nil
	})
}

// newest returns the page behind an id of things, which are in the order of their ids; the newest first.
func newest[T, R any](
	things []T, after uuid.UUID, take, most int, id func(T) uuid.UUID, copied func(T) R,
) store.List[R] {
	out := list(things, store.Page{Take: take, Descending: true, After: after}, id, copied)
	out.Total = min(out.Total, most)
	return out
}

// NextSecretKey looks at each key.
func (s *Store) NextSecretKey(ctx context.Context, from []byte) ([]byte, error) {
	return locked(ctx, s, func() (next []byte, err error) {
		prefix := func(key []byte) []byte { return key[:min(len(key), store.KeyPrefix)] }
		for _, sub := range s.subscriptions {
			for _, secret := range sub.secrets {
				p := prefix(secret.Key)
				if bytes.Compare(p, from) >= 0 && (next == nil || bytes.Compare(p, prefix(next)) < 0) {
					next = bytes.Clone(secret.Key)
				}
			}
		}
		return next, nil
	})
}
