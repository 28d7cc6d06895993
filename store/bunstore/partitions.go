package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// On PostgreSQL messages and attempts are partitioned by day: by the range of their
// ids, which are of version 7 and so begin with the time.

const (
	day = 24 * time.Hour
	// ahead is for how many days after the present one there are partitions, so that
	// no insert waits for one to be made.
	ahead = 2
)

var partitioned = []struct{ table, options string }{
	{"messages", ""},
	{"attempts", " WITH (fillfactor = 70)"}, // an outcome then finds room beside the row that it replaces
}

// firstID returns the least id of version 7 that is made at the time, or after it.
func firstID(at time.Time) uuid.UUID {
	var out uuid.UUID
	for i, ms := 5, at.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		out[i] = byte(ms)
	}
	return out
}

// partition names the partition of a table that holds a day.
func partition(table string, day time.Time) string { return table + "_" + day.Format("20060102") }

type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// createPartitions makes the partitions of the days around the present which are
// missing. It runs in a transaction that no other does so beside.
func (s *Store) createPartitions(ctx context.Context, db executor, now time.Time) error {
	if !s.pg {
		return nil
	}
	var text strings.Builder
	today := now.UTC().Truncate(day)
	for n := 0; n <= ahead; n++ {
		from := today.Add(time.Duration(n) * day)
		for _, p := range partitioned {
			fmt.Fprintf(&text, "CREATE TABLE IF NOT EXISTS {}%s PARTITION OF {}%s FOR VALUES FROM ('%s') TO ('%s')%s;\n",
				partition(p.table, from), p.table, firstID(from), firstID(from.Add(day)), p.options)
		}
	}
	_, err := db.ExecContext(ctx, s.sql(text.String()))
	return err
}
