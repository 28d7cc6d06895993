package bunstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// AdvanceRecovery implements store.Recoveries. It writes nothing if no job is due.
func (s *Store) AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (advanced bool, err error) {
	var due bool
	err = s.on(s.db.DB).query(ctx, recoveryDue,
		func(row scanner) error { return row.Scan(&due) })
	if err != nil || !due {
		return false, s.mapError(ctx, err)
	}
	var rows []recoveryRow
	err = s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		advanced, rows = false, nil
		q := s.recoveries(tx, &rows).Where("j.state = ?", store.RecoveryRunning).Where("j.due_at <= "+s.syntax.now()).
			Order("j.due_at", "j.id").Limit(1)
		if err := s.locked(q, "NO KEY UPDATE SKIP LOCKED").Scan(ctx); err != nil || len(rows) == 0 {
			return false, err
		}
		advanced = true
		queued, err := s.advance(ctx, tx, &rows[0], opts)
		if err != nil || rows[0].State == store.RecoveryRunning {
			return queued > 0, err
		}
		told, err := s.tellOfEnd(ctx, tx, &rows[0])
		return told || queued > 0, err
	})
	if advanced && err == nil && rows[0].State != store.RecoveryRunning && opts.Ended != nil {
		opts.Ended(rows[0].toStore())
	}
	return advanced && err == nil, err
}

var recoveryDue = numbered(`SELECT EXISTS (SELECT 1 FROM {}recoveries WHERE state = {RecoveryRunning} AND due_at <= {now})`)

// advance does one step of a job.
func (s *Store) advance(ctx context.Context, tx bun.Tx, row *recoveryRow, opts store.AdvanceOptions) (queued int, err error) {
	job := row.toStore()
	// The lock keeps the subscription from being archived, and two jobs from queueing a message twice.
	sub, err := s.subscription(ctx, tx, job.OrganizationID, job.SubscriptionID, "NO KEY UPDATE")
	gone := errors.Is(err, store.ErrNotFound)
	if err != nil && !gone {
		return 0, err
	}
	if gone || sub.Archived || len(sub.Damaged) > 0 {
		row.State, row.FinishedAt = store.RecoveryStopped, instant(opts.At)
		return 0, s.updateRecovery(ctx, tx, row)
	}
	st := step{finder: finder{conn: s.on(tx.Tx), recovery: job, sub: sub}, row: row, opts: opts, room: job.Batch(opts.Max)}
	if err := st.run(ctx); err != nil {
		return 0, err
	}
	row.Queued += st.queued
	if !st.more {
		row.State, row.FinishedAt = store.RecoveryDone, instant(opts.At)
	}
	if err := s.updateRecovery(ctx, tx, row); err != nil {
		return 0, err
	}
	return st.queued, s.setDue(ctx, tx, job.ID, job.Wait(st.queued))
}

// step is the part of a recovery that one transaction does.
type step struct {
	finder
	row    *recoveryRow
	opts   store.AdvanceOptions
	room   int  // attempts that it may still queue
	queued int  // so far
	more   bool // the recovery is not finished
}

func (st *step) run(ctx context.Context) error {
	if !st.row.Missed && st.recovery.Scope != store.RecoverMissed {
		if err := st.queueFailed(ctx); err != nil || st.more {
			return err
		}
		st.row.Missed, st.row.Position = true, optionalID{}
	}
	if st.recovery.Scope == store.RecoverFailed {
		return nil
	}
	return st.queueMissed(ctx)
}

// queueFailed adds manual retries to failed deliveries. It skips a delivery that was retried
// after it was found.
func (st *step) queueFailed(ctx context.Context) error {
	in, more, err := st.nextRange(ctx, attemptIDs, st.sub.ID, uuid.UUID(st.row.Position))
	if err != nil {
		return err
	}
	found, err := st.findFailed(ctx, in, st.room+1)
	if err != nil {
		return err
	}
	if len(found) > st.room {
		found, more = found[:st.room], true
		if in.last = in.behind; len(found) > 0 {
			in.last = found[len(found)-1]
		}
	}
	st.more, st.row.Position = more, optionalID(in.last)
	if err := lockChainsAndMessages(ctx, st.conn, found); err != nil {
		return err
	}
	if err := st.addRetries(ctx, found); err != nil {
		return err
	}
	return summarize(ctx, st.conn, found)
}

// addRetries adds manual retries to the deliveries that have still failed.
func (st *step) addRetries(ctx context.Context, found []uuid.UUID) error {
	var queue []queueing
	err := st.each(ctx, insertRetries, paramRows{len(found), []column{
		st.newIDs(len(found)),
		uuids(func(i int) uuid.UUID { return found[i] }),
		times(func(int) time.Time { return st.opts.At }),
		times(func(int) time.Time { return st.opts.ExpiresAt }),
		texts(func(int) string { return st.recovery.CreatedBy }),
	}}, func(row scanner) error {
		st.queued++
		st.room--
		var attempt id
		err := row.Scan(&attempt)
		queue = append(queue, queueing{attempt: uuid.UUID(attempt)})
		return err
	})
	if err != nil {
		return err
	}
	return enqueue(ctx, st.conn, queue)
}

// newIDs makes n ids for new attempts.
func (st *step) newIDs(n int) column {
	out := make([]uuid.UUID, n)
	for i := range out {
		out[i] = st.opts.NewID()
	}
	return uuids(func(i int) uuid.UUID { return out[i] })
}

// A retry follows the latest attempt of its chain, l. A cancelled automatic retry uses no step of
// the schedule.
var insertRetries = `
WITH r(attempt, delivery, due, expires, creator) AS (?)` + insertAttempts(attemptValues{
	id: "r.attempt", delivery: "l.delivery_id", message: "l.message_id", organization: "l.organization_id",
	subscription: "l.subscription_id", eventType: "l.event_type_id", line: "f.line", number: "l.number + 1",
	step: "CASE WHEN l.type = {AutomaticRetry} AND l.status = {Cancelled} THEN l.step - 1 ELSE l.step END",
	kind: "{ManualRetry}", retryOf: "l.id", expires: "r.expires", created: "r.due", creator: "r.creator",
}, `r JOIN {}attempts AS f ON f.id = r.delivery JOIN {}attempts AS l ON l.id = coalesce(
  (SELECT o.id FROM {}attempts AS o WHERE o.delivery_id = r.delivery AND o.number > 1 ORDER BY o.number DESC LIMIT 1), r.delivery)
JOIN {}messages AS m ON m.id = l.message_id
WHERE coalesce(f.chain_status, f.status) = {Failed} AND m.expunged_at IS NULL
RETURNING id`)

// maxBodiesRead bounds the messages whose bodies one step reads.
const maxBodiesRead = 500

// queueMissed adds deliveries of missed messages.
func (st *step) queueMissed(ctx context.Context) error {
	if text, _ := st.selected(); text == "" {
		return nil
	}
	in, more, err := st.nextRange(ctx, messageIDs, st.sub.OrganizationID, uuid.UUID(st.row.Position))
	if err != nil {
		return err
	}
	limit := maxBodiesRead
	if len(st.sub.Filter) == 0 {
		limit = min(limit, st.room+1)
	}
	var found []store.Message
	full, seen, last := false, 0, in.behind
	err = st.findMissed(ctx, in, limit, func(m store.Message, matches bool) {
		seen++
		if full = full || matches && len(found) == st.room; full {
			return
		}
		last = m.ID
		if matches {
			m.Body = nil // it may be large
			found = append(found, m)
		}
	})
	if err != nil {
		return err
	}
	if full || seen == limit { // the range may have more matching messages
		in.last, more = last, true
	}
	st.more, st.row.Position = more, optionalID(in.last)
	return st.addFirstPosts(ctx, found)
}

// addFirstPosts begins deliveries of messages, unless a message was pruned after it was found.
func (st *step) addFirstPosts(ctx context.Context, messages []store.Message) error {
	there, err := lockMessages(ctx, st.conn, messages)
	if err != nil {
		return err
	}
	messages = slices.DeleteFunc(messages, func(m store.Message) bool { return !there[m.ID] })
	posts := make(firstPosts, 0, len(messages))
	for _, m := range messages {
		m.OrganizationID, m.CreatedAt, m.CreatedBy = st.sub.OrganizationID, st.opts.At, st.recovery.CreatedBy
		posts = append(posts, firstPost{
			id: st.opts.NewID(), message: &store.NewMessage{Message: m, ExpiresAt: st.opts.ExpiresAt},
			match: match{subscription: st.sub.ID, ordered: st.sub.Ordered},
		})
	}
	st.queued += len(posts)
	return posts.insert(ctx, st.conn, 0)
}
