package bunstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// On PostgreSQL a day ends as a whole: its two partitions are dropped, whatever is in
// them. First the messages go, one by one, that are tied to something outside of the
// day and that nothing keeps any more: those with attempts of another day (retries,
// mostly), and those that joined a delivery of another day. What is tied then still,
// or queued, is kept, with all that it needs; it moves to the default partition, to go
// one by one when its time has come. That is decided under a lock on the tables, with
// a few looks into indexes, however much there is in the day and in the others.

// More than this is not moved under the lock: the day then goes one by one.
const (
	keptMessages = 1000
	keptAttempts = 5000
)

var (
	errPruneRunning = errors.New("somebody else prunes")
	errTooManyKept  = errors.New("too much of the day is kept")
	errTablesInUse  = errors.New("the tables are in use")
)

// pruneDays drops the days that ended before the time, and removes at most so many
// messages one by one.
func (s *Store) pruneDays(ctx context.Context, before time.Time, most int) (removed int, err error) {
	by := before
	if now := time.Now(); now.Before(by) {
		by = now // nobody else writes into a day that is over
	}
	days, err := s.endedDays(ctx, s.db.DB, by)
	if err != nil {
		return 0, s.mapError(ctx, err)
	}
	removed, err = s.pruneSome(ctx, before, most, s.outsideDays(days))
	for _, at := range days {
		if err != nil || removed >= most {
			return removed, err
		}
		var n int
		n, err = s.pruneDay(ctx, at, before, most-removed)
		removed += n
		if errors.Is(err, errPruneRunning) || errors.Is(err, errTablesInUse) {
			return removed, nil // another time
		}
	}
	return removed, err
}

func (s *Store) pruneDay(ctx context.Context, at, before time.Time, most int) (removed int, err error) {
	removed, err = s.pruneMessagesOfDay(ctx, before, most, s.tiedToOtherDays(at, most))
	if err != nil || removed >= most {
		return removed, err
	}
	dropped, err := s.dropDay(ctx, at, before)
	if errors.Is(err, errTooManyKept) {
		dropped, err = s.pruneMessagesOfDay(ctx, before, most-removed, s.insideDay(at))
	}
	return removed + dropped, err
}

// pruneMessagesOfDay removes messages one by one of a day that nobody else drops meanwhile.
func (s *Store) pruneMessagesOfDay(ctx context.Context, before time.Time, most int, of messageFilter) (removed int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if err := s.lockRetention(ctx, tx); err != nil {
			return err
		}
		removed, err = s.pruneMessages(ctx, tx, before, most, of)
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

// outside chooses the messages that are in none of the days.
func (s *Store) outsideDays(days []time.Time) messageFilter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, at := range days {
			q.Where(s.ofDay("m.id < {from} OR m.id >= {to}", at))
		}
		return q
	}
}

// inside chooses the messages of a day.
func (s *Store) insideDay(at time.Time) messageFilter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where(s.ofDay("m.id >= {from} AND m.id < {to}", at))
	}
}

// tied chooses messages of a day which keep it from ending as a whole. Not all of
// them, but enough to find so many that can go, unless too much of the day is kept.
func (s *Store) tiedToOtherDays(at time.Time, most int) messageFilter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where(s.ofDay(`m.id IN (
(SELECT DISTINCT a.message_id FROM {}attempts AS a
  WHERE a.message_id >= {from} AND a.message_id < {to} AND (a.id < {from} OR a.id >= {to}) ORDER BY 1 LIMIT ?)
UNION ALL
(SELECT DISTINCT a.message_id FROM {}attempts_{day} AS a WHERE a.number > 1 AND (a.delivery_id < {from} OR a.delivery_id >= {to}) LIMIT ?))`, at),
			keptMessages+most, keptMessages+most)
	}
}

// dropDay drops a day. It counts the messages before, which in a day that is over
// change no more.
func (s *Store) dropDay(ctx context.Context, at, before time.Time) (removed int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if err := s.lockRetention(ctx, tx); err != nil {
			return err
		}
		if days, err := s.endedDays(ctx, tx.Tx, at.Add(day)); err != nil || len(days) == 0 || !days[len(days)-1].Equal(at) {
			return err // it was dropped meanwhile
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
	createdLater []id // messages that are younger than their ids say
}

func (d *drop) run(ctx context.Context, before time.Time) (removed int, err error) {
	// Indexes serve, whatever the statistics say, and nothing is compiled. That of
	// created_at serves bitmaps only.
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
	// Once without the lock: it may be too much, and what is read is in memory then.
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
	// Who still has one of these is a vacuum, which takes its time.
	lockPartitions = `LOCK TABLE {}attempts_{day}, {}messages_{day}, {}attempts_default, {}messages_default IN ACCESS EXCLUSIVE MODE NOWAIT`
	detach         = `ALTER TABLE {}attempts DETACH PARTITION {}attempts_{day}; ALTER TABLE {}messages DETACH PARTITION {}messages_{day}`
)

// kept returns the messages whose attempts of the day are kept, the day's and others.
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

// What is kept is: messages with attempts of another day, or that joined a delivery of
// another day, or began one that an attempt of another day joined; messages of another
// day; those with attempts that are queued; and those that began a delivery in which
// attempts are kept. It is written so that each look-up is one in an index also where
// the planner knows nothing of the tables, and of the day nothing is scanned: the
// subqueries are not joins, and the last does not ask for number > 1, for which there
// is an index that does not help.
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

// move puts what is kept of the detached partitions back, which is into the default
// ones, and returns how many messages these were.
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
	// Others that had joined their deliveries are gone.
	var found []id
	err = d.tx.NewRaw(d.ofDay("SELECT id FROM {}attempts WHERE id >= {from} AND id < {to} AND number = 1 AND chain_attempts > 1 AND message_id IN (?)", d.at),
		bun.List(kept)).Scan(ctx, &found)
	if err != nil {
		return 0, err
	}
	begun := make([]uuid.UUID, len(found))
	for i := range found {
		begun[i] = uuid.UUID(found[i])
	}
	return messages, summarize(ctx, d.on(d.tx.Tx), begun)
}
