package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// AddAttempt implements store.History.
func (s *Store) AddAttempt(
	ctx context.Context, org, subscription uuid.UUID, a store.NewAttempt,
) (added store.Attempt, err error) {
	err = s.change(ctx, func(tx bun.Tx) (bool, error) {
		added, err = s.addAttemptTx(ctx, tx, org, subscription, a)
		return !a.External, err
	})
	if err != nil {
		return store.Attempt{}, err
	}
	return added, nil
}

func (s *Store) addAttemptTx(
	ctx context.Context, tx bun.Tx, org, subscription uuid.UUID, a store.NewAttempt,
) (added store.Attempt, err error) {
	// SHARE excludes transactions that archive or delete the subscription.
	if err := s.requireSubscription(ctx, tx, org, subscription, "SHARE"); err != nil {
		return added, err
	}
	j := joining{delivery: a.ID}
	if a.Joins() {
		if err := s.join(ctx, tx, &j, subscription, a); err != nil {
			return added, err
		}
	}
	c := s.on(tx.Tx)
	if a.Message != nil {
		m := *a.Message
		m.OrganizationID, m.SubscriptionID = org, subscription
		j.message, j.eventType = m.ID, m.EventTypeID
		if a.Type == store.FirstPost && !a.External {
			if err := s.joinSequence(ctx, tx, &j, subscription, m.OrderingKey); err != nil {
				return added, err
			}
		}
		rows, inserts := messageRows(1, func(int) *store.Message { return &m })
		if err := c.each(ctx, inserts.messages, rows, nil); err != nil {
			return added, err
		}
	}
	if err := s.addAttempt(ctx, c, org, subscription, a, j); err != nil {
		return added, err
	}
	if j.delivery != a.ID {
		if err := summarize(ctx, c, []uuid.UUID{j.delivery}); err != nil {
			return added, err
		}
	}
	var row attemptRow
	err = s.attempts(tx, &row, subscription).Where("a.id = ?", id(a.ID)).Scan(ctx)
	return row.toStore(), err
}

// joinSequence finds the sequence of a first post. The column of a sequence is line.
func (s *Store) joinSequence(ctx context.Context, tx bun.Tx, j *joining, subscription uuid.UUID, orderingKey string) error {
	ordered := false
	err := s.subscriptions(tx, (*subscriptionRow)(nil)).Column("s.ordered").Where("s.id = ?", id(subscription)).Scan(ctx, &ordered)
	if ordered {
		j.line = sequenceOf(subscription, orderingKey)
	}
	return err
}

// joining is the place of a new attempt in its chain.
type joining struct {
	delivery, message, eventType, line uuid.UUID
	number                             int // of the latest attempt before it
	step                               int // of the new attempt
}

// join finds the place of an attempt that joins a chain, and locks the chain. It withdraws the
// queued automatic retry of the chain.
func (s *Store) join(ctx context.Context, tx bun.Tx, j *joining, subscription uuid.UUID, a store.NewAttempt) error {
	former := func(row *attemptRow) error {
		err := s.bareAttempts(tx, row).Where("a.subscription_id = ?", id(subscription)).Where("a.id = ?", id(a.RetryOf)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return store.ErrBadReference
		}
		return err
	}
	var of attemptRow
	if err := former(&of); err != nil {
		return err
	}
	c := s.on(tx.Tx)
	if err := lockChainsAndMessages(ctx, c, []uuid.UUID{uuid.UUID(of.DeliveryID)}); err != nil {
		return err
	}
	of = attemptRow{} // its state may have changed before the chain was locked
	if err := former(&of); err != nil {
		return err
	}
	if !of.Status.Finished() {
		return store.ErrNotFinished
	}
	if err := cancel(ctx, c, a.At, a.By, withdrawn, c.id(uuid.UUID(of.DeliveryID))); err != nil {
		return err
	}
	var latest attemptRow
	err := s.whereChain(s.bareAttempts(tx, &latest), of.DeliveryID).Order("a.number DESC").Limit(1).Scan(ctx)
	if err != nil {
		return err
	}
	step, err := s.nextStep(ctx, tx, latest.toStore(), a.Type)
	if err != nil {
		return err
	}
	if a.Message == nil {
		if err := s.requireContent(ctx, tx, uuid.UUID(of.MessageID)); err != nil {
			return err
		}
	}
	*j = joining{
		uuid.UUID(of.DeliveryID), uuid.UUID(of.MessageID), uuid.UUID(of.EventTypeID), uuid.UUID(of.Line),
		latest.Number, step,
	}
	return nil
}

// nextStep returns the step of an attempt that joins a chain with the latest attempt.
func (s *Store) nextStep(ctx context.Context, tx bun.Tx, latest store.Attempt, t store.AttemptType) (int, error) {
	if latest.Type != store.AutomaticRetry || latest.Status != store.Cancelled {
		return store.NextStep(latest, nil, t), nil
	}
	var former []attemptRow
	if err := s.bareAttempts(tx, &former).Where("a.id = ?", id(latest.RetryOf)).Scan(ctx); err != nil {
		return 0, err
	}
	if len(former) == 0 { // it was pruned
		return store.NextStep(latest, nil, t), nil
	}
	retried := former[0].toStore()
	return store.NextStep(latest, &retried, t), nil
}

// withdrawn finds the queued automatic retry of a chain.
var withdrawn = numbered(`NOT sending AND attempt_id IN (
  SELECT id FROM {}attempts WHERE delivery_id = ? AND number > 1 AND type = {AutomaticRetry} AND status = {Pending})`)

func (s *Store) addAttempt(ctx context.Context, c conn, org, subscription uuid.UUID, a store.NewAttempt, j joining) error {
	if !a.External {
		a.PostedAt = time.Time{}
	}
	one := func(v uuid.UUID) column { return uuids(func(int) uuid.UUID { return v }) }
	number := func(v int) column { return bigints(func(int) int { return v }) }
	at := func(v time.Time) column { return times(func(int) time.Time { return v }) }
	optional := func(v uuid.UUID) column { return optionalUUIDs(func(int) uuid.UUID { return v }) }
	err := c.each(ctx, insertAttempt, paramRows{1, []column{
		one(a.ID), one(j.delivery), one(j.message), one(org), one(subscription), one(j.eventType), optional(j.line),
		number(j.number + 1), number(j.step), number(int(a.Type)), number(btoi(a.External)), optional(a.RetryOf),
		at(a.ExpiresAt), at(a.PostedAt), at(a.At), texts(func(int) string { return a.By }),
	}}, nil)
	if err != nil || a.External {
		return err
	}
	return enqueue(ctx, c, []queueing{{attempt: a.ID}})
}

var insertAttempt = `
WITH r(attempt, delivery, message, org, subscription, event_type, line, number, step,
  type, external, former, expires, posted, created, creator) AS (?)` + insertAttempts(attemptValues{
	id: "r.attempt", delivery: "r.delivery", message: "r.message", organization: "r.org", subscription: "r.subscription",
	eventType: "r.event_type", line: "r.line", number: "r.number", step: "r.step", kind: "r.type", external: "r.external = 1",
	retryOf: "r.former", expires: "r.expires", posted: "r.posted", created: "r.created", creator: "r.creator",
}, "r")
