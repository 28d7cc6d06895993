package bunstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// On PostgreSQL Prune drops the two partitions of a day. A message of the day is tied if it has
// rows outside of the day, or depends on them: it has attempts of another day (most are retries),
// or an attempt of it is in a delivery of another day. First Prune removes the tied messages that
// are old enough, one by one. Then dropDay moves the messages that must stay (tied, queued, or
// needed by such a message) to the default partition, from which they are removed one by one
// later, and drops the partitions. It finds them under a lock on the tables with a few index
// look-ups, so the time does not depend on the size of the day or of other days.

// dropDay moves at most this many rows under the lock. A day with more is removed message by message.
const (
	keptMessages = 1000
	keptAttempts = 5000
)

var (
	errPruneRunning = errors.New("another process prunes")
	errTooManyKept  = errors.New("too many messages of the day are kept")
	errTablesInUse  = errors.New("the tables are in use")
)

// pruneDays drops the days that ended before the time. It removes messages one by one up to the
// limit.
func (s *Store) pruneDays(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	by := before
	if now := time.Now(); now.Before(by) {
		by = now // no process writes into a day that is over
	}
	days, err := s.endedDays(ctx, s.db.DB, by)
	if err != nil {
		return 0, s.mapError(ctx, err)
	}
	old, err := s.pruneSome(ctx, before, limit, s.afterLast(s.outsideDays(days)))
	s.noteLast(old, limit)
	removed = len(old)
	for _, at := range days {
		if err != nil || removed >= limit {
			return removed, err
		}
		var n int
		n, err = s.pruneDay(ctx, at, before, limit-removed)
		removed += n
		if errors.Is(err, errPruneRunning) || errors.Is(err, errTablesInUse) {
			return removed, nil // the next Prune tries again
		}
	}
	return removed, err
}

func (s *Store) pruneDay(ctx context.Context, at, before time.Time, limit int) (removed int, err error) {
	removed, err = s.pruneMessagesOfDay(ctx, before, limit, s.tiedToOtherDays(at, limit))
	if err != nil || removed >= limit {
		return removed, err
	}
	dropped, err := s.dropDay(ctx, at, before)
	if errors.Is(err, errTooManyKept) {
		dropped, err = s.pruneMessagesOfDay(ctx, before, limit-removed, s.insideDay(at))
	}
	return removed + dropped, err
}

// pruneMessagesOfDay removes messages of a day one by one, while no other process drops the day.
func (s *Store) pruneMessagesOfDay(ctx context.Context, before time.Time, limit int, of messageFilter) (removed int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if err := s.lockRetention(ctx, tx); err != nil {
			return err
		}
		old, err := s.pruneMessages(ctx, tx, before, limit, of)
		removed = len(old)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func (s *Store) lockRetention(ctx context.Context, tx bun.Tx) error {
	alone, err := s.tryAdvisoryLock(ctx, tx, "retention")
	if err == nil && !alone {
		err = errPruneRunning
	}
	return err
}

type messageFilter = func(*bun.SelectQuery) *bun.SelectQuery

// afterLast chooses the messages behind those that the last call removed, if that call removed as many as it might. Calls in turn so
// look once at each message that stays, and once at each removed message whose row an open transaction keeps.
func (s *Store) afterLast(of messageFilter) messageFilter {
	last := s.messagesAfter.Load()
	if last == nil {
		return of
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery { return of(q).Where("m.id > ?", *last) }
}

// noteLast notes where the next call goes on.
func (s *Store) noteLast(removed []id, limit int) {
	if len(removed) < limit {
		s.messagesAfter.Store(nil)
		return
	}
	last := slices.MaxFunc(removed, func(a, b id) int { return bytes.Compare(a[:], b[:]) })
	s.messagesAfter.Store(&last)
}

// outsideDays chooses the messages that are in none of the days.
func (s *Store) outsideDays(days []time.Time) messageFilter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, at := range days {
			q.Where(s.ofDay("m.id < {from} OR m.id >= {to}", at))
		}
		return q
	}
}

// insideDay chooses the messages of a day.
func (s *Store) insideDay(at time.Time) messageFilter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where(s.ofDay("m.id >= {from} AND m.id < {to}", at))
	}
}

// tiedToOtherDays chooses tied messages of a day: enough to find as many as the limit that can be
// removed, unless too many of the day are kept.
func (s *Store) tiedToOtherDays(at time.Time, limit int) messageFilter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where(s.ofDay(`m.id IN (
(SELECT DISTINCT a.message_id FROM {}attempts AS a
  WHERE a.message_id >= {from} AND a.message_id < {to} AND (a.id < {from} OR a.id >= {to}) ORDER BY 1 LIMIT ?)
UNION ALL
(SELECT DISTINCT a.message_id FROM {}attempts_{day} AS a
  WHERE a.number > 1 AND (a.delivery_id < {from} OR a.delivery_id >= {to}) LIMIT ?))`, at),
			keptMessages+limit, keptMessages+limit)
	}
}

// dropDay drops a day and returns the number of removed messages. It counts them before the lock,
// because no message is added to a day that is over.
func (s *Store) dropDay(ctx context.Context, at, before time.Time) (removed int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if err := s.lockRetention(ctx, tx); err != nil {
			return err
		}
		if days, err := s.endedDays(ctx, tx.Tx, at.Add(day)); err != nil || len(days) == 0 || !days[len(days)-1].Equal(at) {
			return err // another process has dropped it
		}
		d := drop{Store: s, tx: tx, at: at}
		removed, err = d.run(ctx, before)
		return err
	})
	switch state := sqlState(err); {
	case err == nil:
		return removed, nil
	case state == lockNotAvailable:
		return 0, errTablesInUse
	case state == queryCanceled && ctx.Err() == nil:
		return 0, errTooManyKept
	}
	return 0, err
}

// drop is the end of a day, in a transaction.
type drop struct {
	*Store
	tx           bun.Tx
	at           time.Time
	createdLater []id // messages with a created_at after the time before which Prune removes
}

func (d *drop) run(ctx context.Context, before time.Time) (removed int, err error) {
	// The planner uses indexes whatever the statistics say, and compiles nothing.
	if err := d.exec(ctx, planLocally+"; "+allowBitmapScans); err != nil {
		return 0, err
	}
	if err := d.scan(ctx, d.tx.Tx, d.ofDay("SELECT count(*) FROM {}messages_{day}", d.at), &removed); err != nil {
		return 0, err
	}
	err = d.tx.NewRaw(d.ofDay("SELECT id FROM {}messages_{day} WHERE created_at >= ? LIMIT ?", d.at), instant(before), keptMessages+1).
		Scan(ctx, &d.createdLater)
	if err != nil {
		return 0, err
	}
	// The first run is without the lock: it finds out whether too many messages are kept, and
	// brings the pages into memory.
	if _, err := d.kept(ctx); err != nil {
		return 0, err
	}
	for _, text := range []string{shortTimeouts, lockTables, lockPartitions} {
		if err := d.exec(ctx, text); err != nil {
			return 0, err
		}
	}
	kept, err := d.kept(ctx)
	if err != nil {
		return 0, err
	}
	if err := d.exec(ctx, detach); err != nil {
		return 0, err
	}
	moved, err := d.move(ctx, kept)
	if err != nil {
		return 0, err
	}
	return max(0, removed-moved), d.exec(ctx, "DROP TABLE {}attempts_{day}, {}messages_{day}")
}

func (d *drop) exec(ctx context.Context, text string) error {
	_, err := d.tx.Tx.ExecContext(ctx, d.ofDay(text, d.at))
	return err
}

const (
	lockTables = "LOCK TABLE ONLY {}attempts, ONLY {}messages IN ACCESS EXCLUSIVE MODE"
	// Only a vacuum can still use these partitions. It may take long, so NOWAIT.
	lockPartitions = `LOCK TABLE {}attempts_{day}, {}messages_{day}, {}attempts_default, {}messages_default IN ACCESS EXCLUSIVE MODE NOWAIT`
	detach         = `ALTER TABLE {}attempts DETACH PARTITION {}attempts_{day}; ALTER TABLE {}messages DETACH PARTITION {}messages_{day}`
)

// kept returns the messages, of this and other days, that keep attempts of the day.
func (d *drop) kept(ctx context.Context) (kept []id, err error) {
	err = d.tx.NewRaw(d.ofDay(keptOfDay, d.at), bun.List(append(d.createdLater, id(uuid.Nil))), keptMessages+1).Scan(ctx, &kept)
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	var attempts int
	err = d.tx.NewRaw(d.ofDay("SELECT count(*) FROM (SELECT 1 FROM {}attempts_{day} WHERE message_id IN (?) LIMIT ?) AS a", d.at),
		bun.List(kept), keptAttempts+1).Scan(ctx, &attempts)
	if err == nil && (len(kept) > keptMessages || attempts > keptAttempts) {
		err = errTooManyKept
	}
	return kept, err
}

// keptOfDay finds the kept messages: messages with attempts of another day; messages with an
// attempt in a delivery of another day; messages that began a delivery with an attempt of another
// day; messages of another day; messages with queued attempts; and messages that began a delivery
// in which attempts are kept. Each look-up uses an index, also without statistics, and nothing of
// the day is scanned: the subqueries are not joins, and the last one has no condition on number,
// because the index for number > 1 does not help.
const keptOfDay = `
WITH RECURSIVE tied(message_id) AS (
  SELECT id FROM {}messages_{day} WHERE id IN (?)
  UNION SELECT a.message_id FROM {}attempts AS a
    WHERE a.message_id >= {from} AND a.message_id < {to} AND (a.id < {from} OR a.id >= {to})
  UNION SELECT a.message_id FROM {}attempts_{day} AS a WHERE a.number > 1 AND a.delivery_id < {from}
  UNION SELECT a.message_id FROM {}attempts_{day} AS a WHERE a.number > 1 AND a.delivery_id >= {to}
  UNION SELECT (SELECT f.message_id FROM {}attempts_{day} AS f WHERE f.id = a.delivery_id) FROM {}attempts AS a
    WHERE a.number > 1 AND a.delivery_id >= {from} AND a.delivery_id < {to} AND (a.id < {from} OR a.id >= {to})
  UNION SELECT a.message_id FROM {}attempts_{day} AS a WHERE a.message_id < {from}
  UNION SELECT a.message_id FROM {}attempts_{day} AS a WHERE a.message_id >= {to}
  UNION SELECT (SELECT a.message_id FROM {}attempts_{day} AS a WHERE a.id = q.attempt_id) FROM {}queue AS q
    WHERE q.attempt_id >= {from} AND q.attempt_id < {to}
), kept(message_id) AS (
  SELECT message_id FROM tied
  UNION SELECT (SELECT f.message_id FROM {}attempts_{day} AS f WHERE f.id = a.delivery_id) FROM kept AS k CROSS JOIN LATERAL (
    SELECT delivery_id FROM {}attempts_{day} WHERE message_id = k.message_id AND delivery_id <> id` + fenced + `) AS a
)
SELECT message_id FROM kept WHERE message_id IS NOT NULL LIMIT ?`

// move inserts the kept rows of the detached partitions again, into the default partitions, and
// returns the number of messages.
func (d *drop) move(ctx context.Context, kept []id) (messages int, err error) {
	if len(kept) == 0 {
		return 0, nil
	}
	for _, table := range []struct{ name, key string }{{"attempts", "message_id"}, {"messages", "id"}} {
		result, err := d.tx.NewRaw(d.ofDay("INSERT INTO {}?0 SELECT * FROM {}?0_{day} WHERE ?1 IN (?2)", d.at),
			bun.Safe(table.name), bun.Safe(table.key), bun.List(kept)).Exec(ctx)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		messages = int(n)
	}
	// Their deliveries may have lost attempts of other messages.
	var found []id
	err = d.tx.NewRaw(d.ofDay(`SELECT id FROM {}attempts
WHERE id >= {from} AND id < {to} AND number = 1 AND chain_attempts > 1 AND message_id IN (?)`, d.at), bun.List(kept)).Scan(ctx, &found)
	if err != nil {
		return 0, err
	}
	begun := make([]uuid.UUID, len(found))
	for i := range found {
		begun[i] = uuid.UUID(found[i])
	}
	return messages, summarize(ctx, d.on(d.tx.Tx), begun)
}
