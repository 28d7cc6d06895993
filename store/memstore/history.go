package memstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func attemptSize(a *store.Attempt) int { return len(a.Body) + len(a.Source) + answerSize(a) }

func answerSize(a *store.Attempt) int { return len(a.Response) + len(a.ResponseHeaders) }

func listedAttempt(a *store.Attempt, whole bool) store.Attempt { return copyAttempt(*a, whole) }

func deliverySize(d *delivery) int {
	return len(d.chain[0].Body) + len(d.chain[0].Source) + answerSize(d.chain.Outcome())
}

func readDelivery(d *delivery, whole bool) store.Delivery {
	out := d.chain.Delivery()
	out.Attempt = copyAttempt(out.Attempt, whole)
	return out
}

// Attempts lists the attempts of a subscription.
func (s *Store) Attempts(ctx context.Context, q store.HistoryQuery) (store.List[store.Attempt], error) {
	return locked(ctx, s, func() (list store.List[store.Attempt], err error) {
		sub, err := s.subscription(q.OrganizationID, q.SubscriptionID)
		if err != nil {
			return list, err
		}
		var matching []*store.Attempt
		for _, a := range sub.attempts {
			if q.Keeps(&a.Attempt) {
				matching = append(matching, &a.Attempt)
			}
		}
		return store.ListOf(matching, q.Page, attemptID, attemptSize, listedAttempt), nil
	})
}

// attempt finds an attempt of an organization's subscription.
func (s *Store) attempt(org, subscription, id uuid.UUID) (*attempt, error) {
	sub, err := s.subscription(org, subscription)
	if err != nil {
		return nil, err
	}
	a := s.attempts[id]
	if a == nil || a.subscription != sub {
		return nil, notFound("attempt", id)
	}
	return a, nil
}

// delivery finds a delivery of an organization's subscription.
func (s *Store) delivery(org, subscription, id uuid.UUID) (*delivery, error) {
	a, err := s.attempt(org, subscription, id)
	if err != nil {
		return nil, err
	}
	if a.DeliveryID != id {
		return nil, notFound("delivery", id)
	}
	return a.delivery, nil
}

// Attempt returns an attempt.
func (s *Store) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (store.Attempt, error) {
	return read(ctx, s, func() (*attempt, error) { return s.attempt(org, subscription, id) },
		func(a *attempt) store.Attempt { return copyAttempt(a.Attempt, true) })
}

// Chain lists the attempts of a delivery.
func (s *Store) Chain(ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int) (store.List[store.Attempt], error) {
	return locked(ctx, s, func() (list store.List[store.Attempt], err error) {
		d, err := s.delivery(org, subscription, delivery)
		if err != nil {
			return list, err
		}
		all := store.Page{Take: len(d.chain), MaxBytes: maxBytes}
		return store.ListOf(d.chain, all, attemptID, attemptSize, listedAttempt), nil
	})
}

// Deliveries lists the deliveries of a subscription.
func (s *Store) Deliveries(ctx context.Context, q store.HistoryQuery) (store.List[store.Delivery], error) {
	return locked(ctx, s, func() (list store.List[store.Delivery], err error) {
		sub, err := s.subscription(q.OrganizationID, q.SubscriptionID)
		if err != nil {
			return list, err
		}
		var matching []*delivery
		for _, d := range sub.deliveries {
			if shown := d.chain.Delivery(); q.Keeps(&shown.Attempt) {
				matching = append(matching, d)
			}
		}
		return store.ListOf(matching, q.Page, deliveryID, deliverySize, readDelivery), nil
	})
}

// RecentDeliveries summarizes the newest deliveries of subscriptions.
func (s *Store) RecentDeliveries(
	ctx context.Context, org uuid.UUID, subscriptions []uuid.UUID, newest int,
) (map[uuid.UUID]store.Recent, error) {
	return locked(ctx, s, func() (map[uuid.UUID]store.Recent, error) {
		out := map[uuid.UUID]store.Recent{}
		for _, id := range subscriptions {
			sub, err := s.subscription(org, id)
			if err != nil || len(sub.deliveries) == 0 {
				continue
			}
			out[id] = recent(sub.deliveries[max(0, len(sub.deliveries)-newest):])
		}
		return out, nil
	})
}

func recent(deliveries []*delivery) store.Recent {
	r := store.Recent{Deliveries: len(deliveries)}
	for _, d := range deliveries {
		switch status := d.chain.Status(); {
		case !status.Finished():
			r.Pending++
		case status == store.Succeeded && d.chain.Outcome().PostedAt.After(r.LastSuccess):
			r.LastSuccess = d.chain.Outcome().PostedAt
		}
	}
	return r
}

// Delivery returns a delivery.
func (s *Store) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (store.Delivery, error) {
	return read(ctx, s, func() (*delivery, error) { return s.delivery(org, subscription, id) },
		func(d *delivery) store.Delivery { return readDelivery(d, true) })
}

// Durations counts the attempts of a subscription that were posted.
func (s *Store) Durations(ctx context.Context, q store.DurationQuery) ([]store.DurationCount, error) {
	return locked(ctx, s, func() ([]store.DurationCount, error) {
		sub, err := s.subscription(q.OrganizationID, q.SubscriptionID)
		if err != nil {
			return nil, err
		}
		counts := map[store.DurationCount]int{}
		for _, a := range sub.attempts {
			if c, ok := q.Count(&a.Attempt); ok {
				counts[c]++
			}
		}
		var out []store.DurationCount
		for c, n := range counts {
			c.Count = n
			out = append(out, c)
		}
		return out, nil
	})
}
