package bunstore

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Record implements store.Queue. It takes one statement, and a few more where
// attempts have a next or a former one.
func (s *Store) Record(ctx context.Context, outcomes []store.Outcome) (lost []uuid.UUID, err error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	r := &recording{}
	err = s.write(ctx, func(tx bun.Tx) error {
		*r = recording{outcomes: outcomes, kept: make(map[uuid.UUID]link, len(outcomes))}
		if err := r.run(ctx, s.on(tx.Tx)); err != nil || !r.due {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	if r.due && !s.pg {
		s.wake.all()
	}
	for _, o := range outcomes {
		if _, ok := r.kept[o.AttemptID]; !ok {
			lost = append(lost, o.AttemptID)
		}
	}
	return lost, nil
}

// recording is one call of Record.
type recording struct {
	outcomes []store.Outcome
	kept     map[uuid.UUID]link // by attempt
	due      bool               // a next attempt is to be sent at once
}

// link is where an attempt stands in its chain.
type link struct {
	delivery uuid.UUID
	alone    bool // it is the only one
}

func (r *recording) run(ctx context.Context, c conn) error {
	if err := r.store(ctx, c); err != nil {
		return err
	}
	deliveries, nexts := r.chains()
	if len(deliveries) == 0 {
		return nil
	}
	if err := lockChains(ctx, c, deliveries); err != nil {
		return err
	}
	if err := r.addNexts(ctx, c, nexts); err != nil {
		return err
	}
	return summarize(ctx, c, deliveries)
}

// store writes the outcomes whose leases are still held.
func (r *recording) store(ctx context.Context, c conn) error {
	o := func(i int) *store.Outcome { return &r.outcomes[i] }
	return c.each(ctx, storeOutcomes, rows{len(r.outcomes), []column{
		uuids(func(i int) uuid.UUID { return o(i).AttemptID }),
		bigints(func(i int) int64 { return o(i).Token }),
		bigints(func(i int) store.Status { return o(i).Status }),
		times(func(i int) time.Time { return o(i).PostedAt }),
		bigints(func(i int) int64 { return o(i).Duration.Milliseconds() }),
		bigints(func(i int) int { return o(i).HTTPStatus }),
		blobs(func(i int) []byte { return o(i).Response }),
		texts(func(i int) string { return storable(o(i).Error) }),
		times(func(i int) time.Time {
			if o(i).Next == nil {
				return time.Time{}
			}
			return o(i).Next.DueAt
		}),
		times(func(i int) time.Time { return o(i).At }),
	}}, func(row *sql.Rows) error {
		var attempt id
		var number, attempts int
		var l link
		err := row.Scan(&attempt, (*id)(&l.delivery), &number, &attempts)
		l.alone = number == 1 && attempts == 1
		r.kept[uuid.UUID(attempt)] = l
		return err
	})
}

// storable is a text that PostgreSQL takes. What a receiver made us note must
// not keep the outcomes beside it from being stored.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

const storeOutcomes = `
WITH r(attempt, claimed, outcome, posted, took, answer, content, fault, next, decided) AS (?)
UPDATE {}attempts AS a SET status = r.outcome, due_at = NULL, posted_at = r.posted, duration_ms = r.took,
  http_status = r.answer, response = r.content, error = r.fault, next_retry_at = r.next,
  updated_at = r.decided, updated_by = ''
FROM r WHERE a.id = r.attempt AND a.token = r.claimed AND a.status = 1
RETURNING id, delivery_id, number, chain_attempts`

// chains returns the deliveries that have or get more than one attempt, in the
// order in which they are locked, and the outcomes that ask for a next one. Of
// several outcomes of a delivery the last one decides: when the others were
// decided, it was still being sent.
func (r *recording) chains() (deliveries []uuid.UUID, nexts []*store.Outcome) {
	last := map[uuid.UUID]*store.Outcome{}
	for i := range r.outcomes {
		o := &r.outcomes[i]
		if l, ok := r.kept[o.AttemptID]; ok && (o.Next != nil || !l.alone) {
			last[l.delivery] = o
		}
	}
	for delivery := range last {
		deliveries = append(deliveries, delivery)
	}
	slices.SortFunc(deliveries, compareIDs)
	for _, delivery := range deliveries {
		if o := last[delivery]; o.Next != nil {
			nexts = append(nexts, o)
		}
	}
	return deliveries, nexts
}

// addNexts adds the automatic retries to the chains in which nothing else is
// queued, and forgets the time of the others.
func (r *recording) addNexts(ctx context.Context, c conn, nexts []*store.Outcome) error {
	added, now := map[uuid.UUID]bool{}, time.Now()
	err := c.each(ctx, insertNexts, rows{len(nexts), []column{
		uuids(func(i int) uuid.UUID { return nexts[i].Next.ID }),
		uuids(func(i int) uuid.UUID { return nexts[i].AttemptID }),
		times(func(i int) time.Time { return nexts[i].Next.DueAt }),
		times(func(i int) time.Time { return nexts[i].At }),
	}}, func(row *sql.Rows) error {
		var of id
		var due instant
		err := row.Scan(&of, &due)
		added[uuid.UUID(of)] = true
		r.due = r.due || !time.Time(due).After(now)
		return err
	})
	if err != nil {
		return err
	}
	var refused []uuid.UUID
	for i := range r.outcomes {
		o := &r.outcomes[i]
		if _, kept := r.kept[o.AttemptID]; kept && o.Next != nil && !added[o.AttemptID] {
			refused = append(refused, o.AttemptID)
		}
	}
	return c.each(ctx, forgetNexts, listOf(refused), nil)
}

const insertNexts = `
WITH r(attempt, former, due, decided) AS (?)
INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id,
  number, step, type, status, retry_of, token, due_at, expires_at, created_at, created_by, updated_at, updated_by)
SELECT r.attempt, a.delivery_id, a.message_id, a.organization_id, a.subscription_id, a.event_type_id,
  1 + coalesce((SELECT max(o.number) FROM {}attempts AS o WHERE o.delivery_id = a.delivery_id AND o.number > 1), 1),
  a.step + 1, 1, 0, a.id, 0, r.due, a.expires_at, r.decided, '', r.decided, ''
FROM r JOIN {}attempts AS a ON a.id = r.former
WHERE NOT EXISTS (
  SELECT 1 FROM {}attempts AS o WHERE o.delivery_id = a.delivery_id AND o.number > 1 AND o.due_at IS NOT NULL)
RETURNING retry_of, due_at`

const forgetNexts = `
WITH r(attempt) AS (?)
UPDATE {}attempts SET next_retry_at = NULL WHERE id IN (SELECT attempt FROM r)`
