package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Report implements store.History.
func (s *Store) Report(
	ctx context.Context, org, subscription, attempt uuid.UUID, decide func(store.Attempt) (*store.Report, error),
) (out store.Attempt, err error) {
	err = s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		// NO KEY UPDATE excludes AddAttempt, which locks a chain before one of its attempts. Record
		// locks an attempt before its chain, as Report does.
		if err := s.requireSubscription(ctx, tx, org, subscription, "NO KEY UPDATE"); err != nil {
			return false, err
		}
		chain, err := s.lockAttempt(ctx, tx, subscription, attempt)
		if err != nil {
			return false, err
		}
		read := func() (store.Attempt, error) {
			var row attemptRow
			err := s.attempts(tx, &row, subscription).Where("a.id = ?", id(attempt)).Scan(ctx)
			return row.toStore(), err
		}
		if out, err = read(); err != nil {
			return false, err
		}
		r, err := decide(out)
		if err != nil {
			return false, fromCaller(err)
		}
		if r == nil {
			return false, errUnchanged
		}
		c := s.on(tx.Tx)
		if due, err = s.report(ctx, c, out, *r); err != nil {
			return false, err
		}
		if err := summarize(ctx, c, []uuid.UUID{chain}); err != nil {
			return false, err
		}
		out, err = read()
		return due, err
	})
	if err != nil {
		return store.Attempt{}, err
	}
	return out, nil
}

// lockAttempt locks an attempt, so that a Record of it waits, and its chain. It returns the chain.
func (s *Store) lockAttempt(ctx context.Context, tx bun.Tx, subscription, attempt uuid.UUID) (chain uuid.UUID, err error) {
	find := func(lock string) (found id, err error) {
		q := tx.NewSelect().TableExpr(s.table("attempts AS a")).Column("a.delivery_id").
			Where("a.subscription_id = ?", id(subscription)).Where("a.id = ?", id(attempt))
		return found, s.locked(q, lock).Scan(ctx, &found)
	}
	found, err := find("")
	if err != nil {
		return chain, err
	}
	chain = uuid.UUID(found)
	c, chains := s.on(tx.Tx), []uuid.UUID{chain}
	if err := lockMessagesOf(ctx, c, chains); err != nil {
		return chain, err
	}
	queue := tx.NewSelect().TableExpr(s.table("queue")).ColumnExpr("1").Where("attempt_id = ?", id(attempt))
	var there []int
	if err := s.locked(queue, "UPDATE").Scan(ctx, &there); err != nil {
		return chain, err
	}
	if _, err := find("NO KEY UPDATE"); err != nil {
		return chain, err
	}
	return chain, lockChains(ctx, c, chains)
}

// report writes the outcome of an attempt, which is locked with its chain. It reports whether the
// next attempt is due.
func (s *Store) report(ctx context.Context, c conn, a store.Attempt, r store.Report) (due bool, err error) {
	if r.PostedAt.IsZero() {
		r.PostedAt = a.PostedAt
	}
	o := store.Outcome{
		Lease: store.Lease{AttemptID: a.ID}, Status: r.Status, PostedAt: r.PostedAt, HTTPStatus: r.HTTPStatus,
		Response: r.Response, Error: r.Error, At: r.At, Next: r.Next,
	}
	next := r.Advice
	if r.Next != nil {
		next = r.Next.DueAt
	}
	if err := c.query(ctx, `DELETE FROM {}queue WHERE attempt_id = ?`, nil, c.id(a.ID)); err != nil {
		return false, err
	}
	err = c.each(ctx, storeReport, paramRows{1, []column{
		uuids(func(int) uuid.UUID { return a.ID }),
		bigints(func(int) store.Status { return o.Status }),
		times(func(int) time.Time { return o.PostedAt }),
		bigints(func(int) int { return o.HTTPStatus }),
		blobs(func(int) []byte { return o.Response }),
		texts(func(int) string { return store.ValidText(o.Error) }),
		times(func(int) time.Time { return next }),
		times(func(int) time.Time { return o.At }),
		texts(func(int) string { return r.By }),
	}}, nil)
	if err != nil || r.Next == nil {
		return false, err
	}
	added, due, err := addNexts(ctx, c, []*store.Outcome{&o})
	if err == nil && !added[a.ID] {
		err = forgetNexts(ctx, c, []uuid.UUID{a.ID})
	}
	return due, err
}

const storeReport = `
WITH r(attempt, outcome, posted, answer, content, fault, next, decided, reporter) AS (?)
UPDATE {}attempts AS a SET status = r.outcome, posted_at = r.posted, duration_ms = 0,
  http_status = r.answer, response = r.content, response_headers = NULL, error = r.fault,
  next_retry_at = r.next, updated_at = r.decided, updated_by = r.reporter
FROM r WHERE a.id = r.attempt`
