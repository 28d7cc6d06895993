package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// On PostgreSQL messages and attempts are partitioned by day: by the range of their
// ids, which are of version 7 and so begin with the time.

const (
	day = 24 * time.Hour
	// partitionsAhead is for how many days after the present one there are partitions, so that
	// no insert waits for one to be made.
	partitionsAhead = 2
)

var partitioned = []struct{ table, options string }{
	{"messages", ""},
	{"attempts", " WITH (fillfactor = 50)"}, // every outcome then finds room beside the row that it replaces: at 70 a fifth do not, and the table is as large
}

// firstID returns the least id of version 7 that is made at the time, or after it.
func firstID(at time.Time) uuid.UUID {
	var out uuid.UUID
	for i, ms := 5, at.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		out[i] = byte(ms)
	}
	return out
}

const dayFormat = "20060102"

// partition names the partition of a table that holds a day.
func partition(table string, day time.Time) string { return table + "_" + day.Format(dayFormat) }

// bounds are those of a day's partition, as PostgreSQL writes them.
func bounds(at time.Time) string {
	return fmt.Sprintf("FOR VALUES FROM ('%s') TO ('%s')", firstID(at), firstID(at.Add(day)))
}

// ofDay puts a day into a statement: {day} is the end of its partitions' names, and
// {from} and {to} are the ids between which it lies.
func (s *Store) ofDay(text string, at time.Time) string {
	return s.sql(strings.NewReplacer("{day}", at.Format(dayFormat),
		"{from}", "'"+firstID(at).String()+"'", "{to}", "'"+firstID(at.Add(day)).String()+"'").Replace(text))
}

// inPartition calls f, which is a transaction by itself, with a conn whose statements go
// inPartition to the partitions that hold all the ids. That spares PostgreSQL to lock and
// prepare those of all other days: 6 % of the time of a delivery while it keeps 30 of
// them. If the ids are not all of today or yesterday, or there is no such partition, or
// it is not for this user, they go to the tables as a whole.
func (s *Store) inPartition(c conn, n int, id func(i int) uuid.UUID, f func(c conn) error) error {
	if c.partition = s.partitionSuffix(n, id); c.partition != "" {
		err := f(c)
		if state := sqlState(err); state != undefinedTable && state != insufficientPrivilege {
			return err
		}
		s.missingPartitions.Store(c.partition, true) // until the next Maintain
		c.partition = ""
	}
	return f(c)
}

// partitionSuffix returns how the names of the partitions end that are to hold all of the ids.
func (s *Store) partitionSuffix(n int, id func(i int) uuid.UUID) string {
	first := dayOf(id(0))
	for i := range n {
		if dayOf(id(i)) != first {
			return ""
		}
	}
	at := time.UnixMilli(first * day.Milliseconds()).UTC()
	if since := time.Since(at); since < -time.Minute || since > 2*day {
		return ""
	}
	part := at.Format("_" + dayFormat)
	if _, absent := s.missingPartitions.Load(part); absent {
		return ""
	}
	return part
}

// dayOf returns which day's partition an id belongs to, as days since 1970.
func dayOf(id uuid.UUID) int64 {
	var ms int64
	for _, octet := range id[:6] {
		ms = ms<<8 | int64(octet)
	}
	return ms / day.Milliseconds()
}

type handle interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Maintain implements store.Maintainer. On PostgreSQL it makes the partitions of the
// coming days, as [Store.Migrate] does, for which the tables must be the user's own.
// A day that has none has its rows in the default partition, where they serve as
// well, but retention removes them one by one.
func (s *Store) Maintain(ctx context.Context, now time.Time) error {
	return s.dialect.maintain(ctx, now)
}

func (sqlite) maintain(context.Context, time.Time) error { return nil }

func (d postgres) maintain(ctx context.Context, now time.Time) error {
	s := d.s
	s.missingPartitions.Clear()
	if missing, err := s.missingDays(ctx, s.db.DB, now); err != nil || len(missing) == 0 {
		return s.mapError(ctx, err)
	}
	return s.write(ctx, func(tx bun.Tx) error {
		if alone, err := s.tryAdvisoryLock(ctx, tx, "partitions"); err != nil || !alone {
			return err
		}
		return s.createPartitions(ctx, tx.Tx, now)
	})
}

// tryAdvisoryLock reports whether nobody else is at this work, which it then keeps others
// from until the transaction ends.
func (s *Store) tryAdvisoryLock(ctx context.Context, tx bun.Tx, work string) (alone bool, err error) {
	err = tx.NewRaw("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", "github.com/ecg-api/webhooks/"+work+"/"+s.schema).
		Scan(ctx, &alone)
	return alone, err
}

// Partitions are made and dropped under locks for which everybody waits, so they are
// not waited for longer than this, and nothing long is done under them.
const shortTimeouts = `SET LOCAL lock_timeout = '100ms'; SET LOCAL statement_timeout = '1s'`

const (
	lockNotAvailable = "55P03" // by lock_timeout, or NOWAIT
	queryCanceled    = "57014" // by statement_timeout

	undefinedTable        = "42P01"
	insufficientPrivilege = "42501"
)

// createPartitions makes the partitions of the days around the present which are
// missing. It belongs at the end of a transaction. It makes none if it would have to
// wait for others.
func (s *Store) createPartitions(ctx context.Context, db handle, now time.Time) error {
	missing, err := s.missingDays(ctx, db, now)
	if err != nil || len(missing) == 0 {
		return err
	}
	if _, err := db.ExecContext(ctx, "SAVEPOINT partitions; "+shortTimeouts); err != nil {
		return err
	}
	err = s.createMissing(ctx, db, now)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, undo := db.ExecContext(ctx, "ROLLBACK TO SAVEPOINT partitions"); undo != nil {
		return undo
	}
	switch sqlState(err) {
	case lockNotAvailable:
		return nil
	case queryCanceled: // PostgreSQL looks whether they belong to the new one
		return fmt.Errorf("no partitions were made, because the default ones have too many rows to be looked through: %v", err) //nolint:errorlint // the database is not away
	}
	return err
}

func (s *Store) createMissing(ctx context.Context, db handle, now time.Time) error {
	if _, err := db.ExecContext(ctx, s.sql("LOCK TABLE ONLY {}attempts, ONLY {}messages IN ACCESS EXCLUSIVE MODE")); err != nil {
		return err
	}
	missing, err := s.missingDays(ctx, db, now) // others may have been here before us
	if err != nil {
		return err
	}
	for _, at := range missing {
		for _, p := range partitioned {
			_, err := db.ExecContext(ctx, s.sql(fmt.Sprintf("CREATE TABLE IF NOT EXISTS {}%s PARTITION OF {}%s %s%s",
				partition(p.table, at), p.table, bounds(at), p.options)))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// missingDays returns the days around the present that have no partitions and can
// have some: their rows are not in the default ones yet.
func (s *Store) missingDays(ctx context.Context, db handle, now time.Time) (missing []time.Time, err error) {
	there, err := s.partitions(ctx, db, "")
	if err != nil {
		return nil, err
	}
	today := now.UTC().Truncate(day)
	for n := range partitionsAhead + 1 {
		at := today.Add(time.Duration(n) * day)
		if there[partition("messages", at)] && there[partition("attempts", at)] {
			continue
		}
		begun := false
		err := s.scan(ctx, db, s.ofDay(`
SELECT EXISTS (SELECT 1 FROM {}messages_default WHERE id >= {from} AND id < {to})
  OR EXISTS (SELECT 1 FROM {}attempts_default WHERE id >= {from} AND id < {to})`, at), &begun)
		if err != nil {
			return nil, err
		}
		if !begun {
			missing = append(missing, at)
		}
	}
	return missing, nil
}

// partitions returns the partitions c that hold a day each.
func (s *Store) partitions(ctx context.Context, db handle, condition string) (map[string]bool, error) {
	found := map[string]bool{}
	var name, bound string
	err := s.on(db).query(ctx, `
SELECT c.relname, coalesce(pg_get_expr(c.relpartbound, c.oid), '') FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent IN (to_regclass('{}messages'), to_regclass('{}attempts')) `+condition, func(row *sql.Rows) error {
		if err := row.Scan(&name, &bound); err != nil {
			return err
		}
		_, suffix, _ := strings.Cut(name, "_")
		if at, err := time.Parse(dayFormat, suffix); err == nil && bound == bounds(at) {
			found[name] = true
		}
		return nil
	})
	return found, err
}

// endedDays returns the days that have partitions, which are ours to drop, and end at
// the time or before it; the earliest first.
func (s *Store) endedDays(ctx context.Context, db handle, by time.Time) (ended []time.Time, err error) {
	there, err := s.partitions(ctx, db, "AND pg_has_role(c.relowner, 'USAGE')")
	for name := range there {
		suffix, ok := strings.CutPrefix(name, "messages_")
		at, _ := time.Parse(dayFormat, suffix)
		if ok && there[partition("attempts", at)] && !at.Add(day).After(by) {
			ended = append(ended, at)
		}
	}
	slices.SortFunc(ended, time.Time.Compare)
	return ended, err
}

// scan reads the one row that a statement returns.
func (s *Store) scan(ctx context.Context, db handle, text string, into ...any) error {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	return rows.Err()
}
