package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A healthChange is the outcomes of one endpoint in a batch, and its Health before and after.
type healthChange struct {
	results       []*result
	before, after store.Health
	news          []Announcement
}

// noteHealth updates the Health of endpoints by recorded outcomes, and tells the host of
// changes. An endpoint that works costs nothing.
func (r *run) noteHealth(ended []*result) {
	slices.SortStableFunc(ended, func(a, b *result) int { return a.seen.ended.Compare(b.seen.ended) })
	changes := map[uuid.UUID]*healthChange{}
	var ids []uuid.UUID
	for _, b := range ended {
		c := changes[b.SubscriptionID]
		if b.seen.ended.IsZero() || c == nil && !b.tellsOfHealth() {
			continue
		}
		if c == nil {
			c = &healthChange{}
			changes[b.SubscriptionID] = c
			ids = append(ids, b.SubscriptionID)
		}
		c.results = append(c.results, b)
	}
	if len(ids) == 0 {
		return
	}
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		return nil, r.cfg.Store.UpdateHealth(r.tellingOfHealth(ctx, changes), ids,
			func(id uuid.UUID, h *store.Health) { changes[id].apply(h) })
	})
	if err != nil {
		r.logCondition(slog.LevelError, "webhooks: the health of endpoints could not be recorded", nil, "error", err)
		return
	}
	for _, id := range ids {
		r.followHealth(changes[id])
	}
}

// tellsOfHealth reports whether the result may change the Health of the endpoint. A success
// does only if there were failures or back-pressure when it began.
func (b *result) tellsOfHealth() bool {
	if b.seen.kind != endSuccess {
		return true
	}
	return b.to != nil && b.to.Health != observe(b.to.Health, b.seen)
}

// tellingOfHealth returns a context for the update of Health that makes the changes.
func (r *run) tellingOfHealth(ctx context.Context, changes map[uuid.UUID]*healthChange) context.Context {
	return r.telling(ctx, func(store.Change) (news []Announcement) {
		for _, c := range changes {
			news = append(news, c.news...)
			c.news = nil // a repeated update may find that the subscription was deleted
		}
		return news
	})
}

func (c *healthChange) apply(h *store.Health) {
	c.before, c.news = *h, nil
	for _, b := range c.results {
		was := *h
		*h = observe(was, b.seen)
		switch kind := stageChanges[h.Stage]; {
		case h.Stage == was.Stage:
		case kind == EndpointRecovered:
			c.news = append(c.news, b.announcement(kind, was))
		default:
			c.news = append(c.news, b.announcement(kind, *h))
		}
	}
	c.after = *h
}

// followHealth acts on a change in the health of an endpoint: it tells the host, releases held attempts
// when the circuit closes, and deactivates a subscription that failed for GiveUpAfter.
func (r *run) followHealth(c *healthChange) {
	b := c.results[len(c.results)-1]
	was, is := circuitOpen(c.before), circuitOpen(c.after)
	opened := b.to != nil && !b.to.circuitOpen() && is // perhaps by another host
	if opened || decisive(c.before) != decisive(c.after) {
		r.endpoints.forget(b.SubscriptionID)
	}
	n := Notice{OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Reason: b.outcome.Error}
	switch {
	case is && !was:
		n.Kind = CircuitOpened
		r.notify(n)
	case was && !is:
		r.release(b.SubscriptionID)
		r.begin(&r.recorders, func() { // attempts that a host held after the release, because it had not read the subscription again
			r.pause(r.claiming, holdsEnd)
			r.release(b.SubscriptionID)
		})
		n.Kind = CircuitClosed
		r.notify(n)
	}
	if unreachable(c.after, b.seen.ended) {
		r.deactivate(b, "nothing but failures for 5 days")
	}
}

// decisive returns the part of a Health on which the next attempts depend.
func decisive(h store.Health) store.Health {
	h.Failures = min(h.Failures, 1)
	h.CountedUntil, h.Since, h.Stage = time.Time{}, time.Time{}, store.StageHealthy
	return h
}

// deactivate switches a subscription off.
func (r *run) deactivate(b *result, reason string) {
	now := r.cfg.Clock.Now().UTC().Truncate(time.Millisecond)
	changed := false
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		ctx = r.telling(ctx, func(store.Change) (news []Announcement) {
			if changed {
				news = append(news, Announcement{
					Kind: EndpointDeactivated, At: now, OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Reason: reason,
				})
			}
			return news
		})
		_, err := r.cfg.Store.UpdateSubscription(ctx, b.OrganizationID, b.SubscriptionID, now, func(s *store.Subscription) error {
			if changed = s.Active; changed {
				s.Active, s.ActiveChangedAt, s.InactiveReason, s.UpdatedAt, s.UpdatedBy = false, now, reason, now, ""
			}
			return nil
		})
		return nil, err
	})
	r.endpoints.forget(b.SubscriptionID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		r.logCondition(slog.LevelError, "webhooks: a subscription could not be deactivated", b.SubscriptionID,
			"subscriptionId", b.SubscriptionID, "error", err)
	case err == nil && changed:
		r.notify(Notice{Kind: SubscriptionDeactivated, OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Reason: reason})
	}
}
