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

	"github.com/ecg-api/webhooks/store"
)

// On PostgreSQL messages and attempts are partitioned by day: by the range of their
// ids, which are of version 7 and so begin with the time.

const (
	day = 24 * time.Hour
	// partitionsAhead is the number of days after the present one that have partitions, so that
	// no insert waits for the creation of a partition.
	partitionsAhead = 2
)

// At a fillfactor of 50 every outcome fits on the page of the row that it replaces. At 70 a fifth
// of the outcomes do not fit, and the table is as large.
var partitioned = []struct{ table, options string }{
	{"messages", ""},
	{"attempts", " WITH (fillfactor = 50)"},
}

const dayFormat = "20060102"

// partition names the partition of a table that holds a day.
func partition(table string, day time.Time) string { return table + "_" + day.Format(dayFormat) }

// bounds returns the bounds of the partition of a day, as PostgreSQL writes them.
func bounds(at time.Time) string {
	return fmt.Sprintf("FOR VALUES FROM ('%s') TO ('%s')", store.FirstID(at), store.FirstID(at.Add(day)))
}

// ofDay puts a day into a statement: {day} is the suffix of its partitions, {from} the first id
// of the day, and {to} the first id after it.
func (s *Store) ofDay(text string, at time.Time) string {
	return s.sql(strings.NewReplacer("{day}", at.Format(dayFormat),
		"{from}", "'"+store.FirstID(at).String()+"'", "{to}", "'"+store.FirstID(at.Add(day)).String()+"'").Replace(text))
}

// inPartition calls f with a conn whose statements name the partitions of a day, if all ids are of
// today or yesterday. f is a transaction by itself. PostgreSQL then does not lock and prepare the
// partitions of all other days, which took 6 % of the time of a delivery with 30 partitions. If
// the partitions are missing, or this user may not write to them, f runs again on the tables.
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

// partitionSuffix returns the suffix of the partitions that hold all of the ids, "" if the ids are
// of several days, or of another day than today and yesterday.
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
	suffix := at.Format("_" + dayFormat)
	if _, missing := s.missingPartitions.Load(suffix); missing {
		return ""
	}
	return suffix
}

// dayOf returns the day of an id, in days since 1970.
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

// Maintain implements store.Maintainer. On PostgreSQL it creates the partitions of the coming
// days, as [Store.Migrate] does; the user must own the tables. Rows of a day without a partition
// are in the default partition. They are as good there, but retention removes them one by one.
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
		if locked, err := s.tryAdvisoryLock(ctx, tx, "partitions"); err != nil || !locked {
			return err
		}
		return s.createPartitions(ctx, tx.Tx, now)
	})
}

// tryAdvisoryLock takes the lock for a kind of work until the transaction ends, unless another
// process has it.
func (s *Store) tryAdvisoryLock(ctx context.Context, tx bun.Tx, work string) (locked bool, err error) {
	err = tx.NewRaw("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", "github.com/ecg-api/webhooks/"+work+"/"+s.schema).
		Scan(ctx, &locked)
	return locked, err
}

// shortTimeouts limits the wait for an exclusive lock on the tables, and the statements under the
// lock, because every publish and claim waits behind it.
const shortTimeouts = `SET LOCAL lock_timeout = '100ms'; SET LOCAL statement_timeout = '1s'`

const (
	lockNotAvailable = "55P03" // by lock_timeout, or NOWAIT
	queryCanceled    = "57014" // by statement_timeout

	undefinedTable        = "42P01"
	insufficientPrivilege = "42501"
)

// createPartitions creates the missing partitions of the present and the coming days. It belongs
// at the end of a transaction. It creates none if another transaction uses the tables for longer
// than the lock_timeout.
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
	case queryCanceled: // PostgreSQL reads the default partitions for rows of the new ones
		//nolint:errorlint // the database is available
		return fmt.Errorf("no partitions were created: the default partitions have too many rows to check within 1 s: %v", err)
	}
	return err
}

func (s *Store) createMissing(ctx context.Context, db handle, now time.Time) error {
	if _, err := db.ExecContext(ctx, s.sql("LOCK TABLE ONLY {}attempts, ONLY {}messages IN ACCESS EXCLUSIVE MODE")); err != nil {
		return err
	}
	missing, err := s.missingDays(ctx, db, now) // another process may have created them
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

// missingDays returns the days, from the present one on, that lack a partition and have no row in
// the default partitions.
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
		hasRows := false
		err := s.scan(ctx, db, s.ofDay(`
SELECT EXISTS (SELECT 1 FROM {}messages_default WHERE id >= {from} AND id < {to})
  OR EXISTS (SELECT 1 FROM {}attempts_default WHERE id >= {from} AND id < {to})`, at), &hasRows)
		if err != nil {
			return nil, err
		}
		if !hasRows {
			missing = append(missing, at)
		}
	}
	return missing, nil
}

// partitions returns the names of the partitions, c, that hold one day and meet the condition.
func (s *Store) partitions(ctx context.Context, db handle, condition string) (map[string]bool, error) {
	found := map[string]bool{}
	var name, bound string
	err := s.on(db).query(ctx, `
SELECT c.relname, coalesce(pg_get_expr(c.relpartbound, c.oid), '') FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent IN (to_regclass('{}messages'), to_regclass('{}attempts')) `+condition, func(row scanner) error {
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

// endedDays returns the days that end at the time or before it, and whose partitions this user may
// drop; the earliest day first.
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
