package meteredstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The methods of store.Messages.

func (m *metered) Publish(
	ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions,
) (_ []store.Published, err error) {
	defer m.called("publish", m.now(), &err)
	return m.Store.Publish(ctx, tx, messages, opts)
}

func (m *metered) Message(ctx context.Context, org, id uuid.UUID) (_ store.Message, err error) {
	defer m.called("message", m.now(), &err)
	return m.Store.Message(ctx, org, id)
}

func (m *metered) Messages(ctx context.Context, org uuid.UUID, page store.Page) (_ store.List[store.MessageSummary], err error) {
	defer m.called("messages", m.now(), &err)
	return m.Store.Messages(ctx, org, page)
}

func (m *metered) MessageDeliveries(
	ctx context.Context, org, message uuid.UUID, to []uuid.UUID, page store.Page,
) (_ store.List[store.Delivery], err error) {
	defer m.called("message_deliveries", m.now(), &err)
	return m.Store.MessageDeliveries(ctx, org, message, to, page)
}

func (m *metered) MessageTally(ctx context.Context, org, message uuid.UUID) (_ store.Tally, err error) {
	defer m.called("message_tally", m.now(), &err)
	return m.Store.MessageTally(ctx, org, message)
}

func (m *metered) Prune(ctx context.Context, before time.Time, max int) (_ int, err error) {
	defer m.called("prune", m.now(), &err)
	return m.Store.Prune(ctx, before, max)
}

// The methods of store.History.

func (m *metered) Attempts(ctx context.Context, q store.HistoryQuery) (_ store.List[store.Attempt], err error) {
	defer m.called("attempts", m.now(), &err)
	return m.Store.Attempts(ctx, q)
}

func (m *metered) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (_ store.Attempt, err error) {
	defer m.called("attempt", m.now(), &err)
	return m.Store.Attempt(ctx, org, subscription, id)
}

func (m *metered) Chain(
	ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int,
) (_ store.List[store.Attempt], err error) {
	defer m.called("chain", m.now(), &err)
	return m.Store.Chain(ctx, org, subscription, delivery, maxBytes)
}

func (m *metered) Deliveries(ctx context.Context, q store.HistoryQuery) (_ store.List[store.Delivery], err error) {
	defer m.called("deliveries", m.now(), &err)
	return m.Store.Deliveries(ctx, q)
}

func (m *metered) RecentDeliveries(
	ctx context.Context, org uuid.UUID, subscriptions []uuid.UUID, newest int,
) (_ map[uuid.UUID]store.Recent, err error) {
	defer m.called("recent_deliveries", m.now(), &err)
	return m.Store.RecentDeliveries(ctx, org, subscriptions, newest)
}

func (m *metered) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (_ store.Delivery, err error) {
	defer m.called("delivery", m.now(), &err)
	return m.Store.Delivery(ctx, org, subscription, id)
}

func (m *metered) AddAttempt(ctx context.Context, org, subscription uuid.UUID, a store.NewAttempt) (_ store.Attempt, err error) {
	defer m.called("add_attempt", m.now(), &err)
	return m.Store.AddAttempt(ctx, org, subscription, a)
}

func (m *metered) Report(
	ctx context.Context, org, subscription, attempt uuid.UUID, decide func(store.Attempt) (*store.Report, error),
) (_ store.Attempt, err error) {
	defer m.called("report", m.now(), &err)
	return m.Store.Report(ctx, org, subscription, attempt, decide)
}

func (m *metered) Durations(ctx context.Context, q store.DurationQuery) (_ []store.DurationCount, err error) {
	defer m.called("durations", m.now(), &err)
	return m.Store.Durations(ctx, q)
}

// The methods of store.Recoveries.

func (m *metered) CountRecoverable(ctx context.Context, r store.Recovery) (_ int, err error) {
	defer m.called("count_recoverable", m.now(), &err)
	return m.Store.CountRecoverable(ctx, r)
}

func (m *metered) CreateRecovery(ctx context.Context, r store.Recovery) (err error) {
	defer m.called("create_recovery", m.now(), &err)
	return m.Store.CreateRecovery(ctx, r)
}

func (m *metered) Recovery(ctx context.Context, org, subscription, id uuid.UUID) (_ store.Recovery, err error) {
	defer m.called("recovery", m.now(), &err)
	return m.Store.Recovery(ctx, org, subscription, id)
}

func (m *metered) StopRecovery(ctx context.Context, org, subscription, id uuid.UUID, at time.Time) (err error) {
	defer m.called("stop_recovery", m.now(), &err)
	return m.Store.StopRecovery(ctx, org, subscription, id, at)
}

func (m *metered) AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (_ bool, err error) {
	defer m.called("advance_recovery", m.now(), &err)
	return m.Store.AdvanceRecovery(ctx, opts)
}
