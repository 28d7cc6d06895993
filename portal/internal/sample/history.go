package sample

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

const (
	historyEvents = 600
	historySpan   = 24 * time.Hour
	failingSince  = 40 * time.Minute // before the end of the history
)

// history is the past of the service: events of the last day, and their deliveries. The store gets them as from a dispatcher.
type history struct {
	db     store.Store
	s      *Service
	types  []webhooks.EventType
	random *rand.Rand
}

func (s *Service) addHistory(ctx context.Context, db store.Store) error {
	h := history{db: db, s: s, random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // the same history each time
	for _, code := range []string{"order.paid", "order.paid", "order.shipped"} {
		t, err := db.EventTypeByCode(ctx, nil, code, "v1")
		if err != nil {
			return err
		}
		h.types = append(h.types, t)
	}
	end := time.Now()
	for i := range historyEvents {
		ago := historySpan - historySpan*time.Duration(i)/historyEvents
		if err := h.add(ctx, end.Add(-ago).Truncate(time.Millisecond), ago < failingSince, h.types[i%len(h.types)], i); err != nil {
			return err
		}
	}
	return nil
}

// add publishes an event at a time, and records the outcomes of its deliveries.
func (h history) add(ctx context.Context, at time.Time, failing bool, t webhooks.EventType, i int) error {
	id := idAt(at)
	body := fmt.Appendf(nil, `{"id":%q,"type":%q,"version":"v1","timestamp":%q,"data":{"orderId":"A-%d","amount":%d.90,"currency":"EUR"}}`,
		id, t.Code, at.UTC().Format("2006-01-02T15:04:05.000Z"), 400+i, 20+i%70)
	published, err := h.db.Publish(ctx, nil, []store.NewMessage{{
		Message: store.Message{
			ID: id, OrganizationID: h.s.Acme, EventTypeID: t.ID, Type: t.Code, Version: "v1", Body: body, CreatedAt: at, CreatedBy: "sample",
		},
		Topics: store.Topics(t.ID, t.Code, "v1"), ExpiresAt: at.Add(historySpan),
	}}, store.PublishOptions{
		NewID: func() uuid.UUID { return idAt(at) }, Lease: time.Minute, HandOff: func(_, _ uuid.UUID) bool { return true },
	})
	if err != nil {
		return err
	}
	for _, p := range published {
		for _, job := range p.Jobs {
			if _, err := h.db.Record(ctx, []store.Outcome{h.outcome(job, at, failing)}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h history) outcome(job store.Job, at time.Time, failing bool) store.Outcome {
	took := time.Duration(40+h.random.ExpFloat64()*60) * time.Millisecond
	o := store.Outcome{
		Lease: job.Lease, Status: store.Succeeded, HTTPStatus: 200, Response: []byte(`{"received":true}`),
		ResponseHeaders: "Content-Type: application/json\nServer: nginx", PostedAt: at.Add(12 * time.Millisecond), Duration: took,
	}
	switch {
	case job.SubscriptionID == h.s.Failing && failing:
		o.Status, o.HTTPStatus, o.Response, o.Error, o.Duration = store.Failed, 503, []byte("upstream connect error"), "HTTP 503", 20*took
	case job.SubscriptionID == h.s.Mixed && h.random.IntN(12) == 0:
		o.Status, o.HTTPStatus, o.Response, o.Error = store.Failed, 500, []byte(`{"error":"could not save the order"}`), "HTTP 500"
	}
	o.At = o.PostedAt.Add(o.Duration)
	return o
}

// idAt returns an id of version 7 that was made at a time.
func idAt(at time.Time) uuid.UUID {
	id, first := uuid.Must(uuid.NewV7()), store.FirstID(at)
	copy(id[:6], first[:6])
	return id
}
