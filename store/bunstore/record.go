package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Record implements store.Queue.
func (s *Store) Record(ctx context.Context, outcomes []store.Outcome) (lost []uuid.UUID, err error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	r, err := s.dialect.record(ctx, outcomes)
	if err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		if _, ok := r.kept[o.AttemptID]; !ok {
			lost = append(lost, o.AttemptID)
		}
	}
	return lost, nil
}

// record takes one statement where no outcome concerns another attempt, as is most often the
// case. Otherwise it takes a transaction.
func (d postgres) record(ctx context.Context, outcomes []store.Outcome) (*outcomeBatch, error) {
	s, n := d.s, len(outcomes)
	chained := func(o store.Outcome) bool { return o.Number > 1 || o.Next != nil }
	if slices.ContainsFunc(outcomes, chained) || store.NewsOf(ctx) != nil {
		r := &outcomeBatch{
			single:  slices.DeleteFunc(slices.Clone(outcomes), chained),
			chained: slices.DeleteFunc(slices.Clone(outcomes), func(o store.Outcome) bool { return !chained(o) }),
		}
		return r, s.recordInTx(ctx, r, outcomes)
	}
	r := &outcomeBatch{single: outcomes}
	return r, s.retry(ctx, func() error {
		return s.session(ctx, func(c conn) error {
			return s.inPartition(c, n, func(i int) uuid.UUID { return outcomes[i].AttemptID }, func(c conn) error {
				r.kept = make(map[uuid.UUID]link, n)
				return r.storeSingle(ctx, c)
			})
		})
	})
}

func (d sqlite) record(ctx context.Context, outcomes []store.Outcome) (*outcomeBatch, error) {
	r := &outcomeBatch{chained: outcomes}
	return r, d.s.recordInTx(ctx, r, outcomes)
}

func (s *Store) recordInTx(ctx context.Context, r *outcomeBatch, outcomes []store.Outcome) error {
	return s.change(ctx, func(tx bun.Tx) (bool, error) {
		r.kept, r.due = make(map[uuid.UUID]link, len(r.single)+len(r.chained)), false
		if err := r.run(ctx, s.on(tx.Tx)); err != nil {
			return false, err
		}
		told, err := s.tell(ctx, tx, store.Change{Recorded: r.recorded(outcomes)})
		return told || r.due, err
	})
}

// outcomeBatch is one call of Record.
type outcomeBatch struct {
	single  []store.Outcome // of first attempts without a next one
	chained []store.Outcome
	kept    map[uuid.UUID]link // by attempt
	due     bool               // a next attempt is to be sent at once
}

// link is the place of an attempt in its chain.
type link struct {
	delivery uuid.UUID
	single   bool // the chain has no other attempt
}

// recorded returns the outcomes that were stored, of the outcomes of the batch.
func (r *outcomeBatch) recorded(outcomes []store.Outcome) []store.Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o store.Outcome) bool {
		_, kept := r.kept[o.AttemptID]
		return !kept
	})
}

func (r *outcomeBatch) run(ctx context.Context, c conn) error {
	if err := r.storeSingle(ctx, c); err != nil {
		return err
	}
	if err := r.store(ctx, c, r.chained); err != nil {
		return err
	}
	deliveries, nexts := r.chains()
	if len(deliveries) == 0 {
		return nil
	}
	if err := lockChains(ctx, c, deliveries); err != nil {
		return err
	}
	added, due, err := addNexts(ctx, c, nexts)
	if err != nil {
		return err
	}
	r.due = due
	var refused []uuid.UUID
	for i := range r.chained {
		o := &r.chained[i]
		if _, kept := r.kept[o.AttemptID]; kept && o.Next != nil && !added[o.AttemptID] {
			refused = append(refused, o.AttemptID)
		}
	}
	if err := forgetNexts(ctx, c, refused); err != nil {
		return err
	}
	return summarize(ctx, c, deliveries)
}

// storeSingle stores the outcomes of first attempts without a next one: while the first
// attempt of a chain is being sent, the chain has no other attempt.
func (r *outcomeBatch) storeSingle(ctx context.Context, c conn) error {
	if len(r.single) == 0 {
		return nil
	}
	lost := map[uuid.UUID]bool{}
	err := c.queryPlanned(ctx, storeSingle, func(row scanner) error {
		var attempt id
		err := row.Scan(&attempt)
		lost[uuid.UUID(attempt)] = true
		return err
	}, outcomeRows(r.single).whole())
	for i := range r.single {
		if attempt := r.single[i].AttemptID; !lost[attempt] {
			r.kept[attempt] = link{single: true}
		}
	}
	return err
}

// leased finds the rows of the queue, q, of the attempts in r whose lease is still held.
const leased = attemptsOfR + ` AND ((q.attempt_id, q.token) IN (SELECT attempt, claimed FROM r))` + notJoined + ` AND ` + sending

// storeSingle returns the attempts whose lease was lost: as a rule none, while a row for each stored
// outcome cost six allocations.
const storeSingle = `
WITH ` + outcomes + `, held AS (
  DELETE FROM {}queue AS q WHERE ` + leased + ` AND q.number = 1
  RETURNING q.attempt_id
), stored AS (
  UPDATE {}attempts{partition} AS a SET ` + setOutcome + `
  FROM r WHERE a.id = r.attempt AND (r.attempt IN (SELECT attempt_id FROM held))` + notJoined + `
  RETURNING a.id
)
SELECT attempt FROM r WHERE attempt NOT IN (SELECT id FROM stored)`

// store writes the outcomes with a lease that is still held.
func (r *outcomeBatch) store(ctx context.Context, c conn, outcomes []store.Outcome) error {
	held := map[uuid.UUID]bool{}
	err := c.each(ctx, c.releaseLeases, paramRows{len(outcomes), []column{
		uuids(func(i int) uuid.UUID { return outcomes[i].AttemptID }),
		bigints(func(i int) int64 { return outcomes[i].Token }),
	}}, func(row scanner) error {
		var attempt id
		err := row.Scan(&attempt)
		held[uuid.UUID(attempt)] = true
		return err
	})
	if err != nil {
		return err
	}
	outcomes = slices.DeleteFunc(slices.Clone(outcomes), func(o store.Outcome) bool { return !held[o.AttemptID] })
	return c.each(ctx, storeOutcomes, outcomeRows(outcomes), func(row scanner) error {
		var attempt id
		var number, attempts int
		var l link
		err := row.Scan(&attempt, (*id)(&l.delivery), &number, &attempts)
		l.single = number == 1 && attempts == 1
		r.kept[uuid.UUID(attempt)] = l
		return err
	})
}

const releaseByJoin = `
WITH r(attempt, claimed) AS (?)
DELETE FROM {}queue WHERE (attempt_id, token) IN (SELECT attempt, claimed FROM r) AND ` + sending + `
RETURNING attempt_id`

const releaseByLookup = `
WITH r(attempt, claimed) AS (?)
DELETE FROM {}queue AS q WHERE ` + leased + `
RETURNING q.attempt_id`

const (
	outcomes   = `r(attempt, claimed, outcome, posted, took, answer, content, headers, fault, next, decided) AS (?)`
	setOutcome = `status = r.outcome, posted_at = r.posted, duration_ms = r.took,
  http_status = r.answer, response = r.content, response_headers = r.headers, error = r.fault,
  next_retry_at = r.next, updated_at = r.decided, updated_by = ''`
)

const storeOutcomes = `
WITH ` + outcomes + `
UPDATE {}attempts AS a SET ` + setOutcome + `
FROM r WHERE a.id = r.attempt
RETURNING id, delivery_id, number, chain_attempts`

func outcomeRows(outcomes []store.Outcome) paramRows {
	o := func(i int) *store.Outcome { return &outcomes[i] }
	return paramRows{len(outcomes), []column{
		uuids(func(i int) uuid.UUID { return o(i).AttemptID }),
		bigints(func(i int) int64 { return o(i).Token }),
		bigints(func(i int) store.Status { return o(i).Status }),
		times(func(i int) time.Time { return o(i).PostedAt }),
		bigints(func(i int) int64 { return o(i).Duration.Milliseconds() }),
		bigints(func(i int) int { return o(i).HTTPStatus }),
		blobs(func(i int) []byte { return o(i).Response }),
		optionalTexts(func(i int) string { return store.ValidText(string(o(i).ResponseHeaders)) }),
		texts(func(i int) string { return store.ValidText(o(i).Error) }),
		times(func(i int) time.Time {
			if o(i).Next == nil {
				return time.Time{}
			}
			return o(i).Next.DueAt
		}),
		times(func(i int) time.Time { return o(i).At }),
	}}
}

// chains returns the deliveries that have or get more than one attempt, in the order in which
// they are locked, and the outcomes that ask for a next attempt. Where a delivery has several
// outcomes, the last one decides: its attempt was still being sent at the time of the earlier
// ones.
func (r *outcomeBatch) chains() (deliveries []uuid.UUID, nexts []*store.Outcome) {
	last := map[uuid.UUID]*store.Outcome{}
	for i := range r.chained {
		o := &r.chained[i]
		if l, ok := r.kept[o.AttemptID]; ok && (o.Next != nil || !l.single) {
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

// addNexts adds the automatic retries to the chains in which no other attempt is queued. It
// reports whether one is due, and returns the attempts that got a retry.
func addNexts(ctx context.Context, c conn, nexts []*store.Outcome) (added map[uuid.UUID]bool, due bool, err error) {
	added, now := map[uuid.UUID]bool{}, time.Now()
	var queue []queueing
	err = c.each(ctx, insertNexts, paramRows{len(nexts), []column{
		uuids(func(i int) uuid.UUID { return nexts[i].Next.ID }),
		uuids(func(i int) uuid.UUID { return nexts[i].AttemptID }),
		times(func(i int) time.Time { return nexts[i].At }),
		bigints(func(i int) int { return nexts[i].Next.StepsUsed() }),
	}}, func(row scanner) error {
		var attempt, of id
		err := row.Scan(&attempt, &of)
		added[uuid.UUID(of)] = true
		for _, o := range nexts {
			if o.Next.ID == uuid.UUID(attempt) {
				queue = append(queue, queueing{o.Next.ID, o.Next.DueAt})
				due = due || !o.Next.DueAt.After(now)
			}
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return added, due, enqueue(ctx, c, queue)
}

var insertNexts = `
WITH r(attempt, former, decided, steps) AS (?)` + insertAttempts(attemptValues{
	id: "r.attempt", delivery: "a.delivery_id", message: "a.message_id", organization: "a.organization_id",
	subscription: "a.subscription_id", eventType: "a.event_type_id", line: "a.line",
	number: "1 + coalesce((SELECT max(o.number) FROM {}attempts AS o WHERE o.delivery_id = a.delivery_id AND o.number > 1), 1)",
	step:   "a.step + r.steps", kind: "{AutomaticRetry}", retryOf: "a.id", expires: "a.expires_at", created: "r.decided", creator: "''",
}, `r JOIN {}attempts AS a ON a.id = r.former
WHERE NOT EXISTS (
  SELECT 1 FROM {}attempts AS o WHERE o.delivery_id = a.delivery_id AND o.number > 1 AND o.status = {Pending} AND NOT o.external)
RETURNING id, retry_of`)

// forgetNexts clears the time of a next attempt that was not added.
func forgetNexts(ctx context.Context, c conn, attempts []uuid.UUID) error {
	return c.each(ctx, clearNextRetry, idRows(attempts), nil)
}

const clearNextRetry = `
WITH r(attempt) AS (?)
UPDATE {}attempts SET next_retry_at = NULL WHERE id IN (SELECT attempt FROM r)`
