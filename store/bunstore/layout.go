package bunstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Layout implements store.Operations.
func (s *Store) Layout(ctx context.Context) (store.Layout, error) {
	l := store.Layout{Newest: s.newest()}
	var err error
	if l.Version, err = s.version(ctx, s.db); err == nil {
		err = s.dialect.layout(ctx, &l)
	}
	if err == nil {
		err = s.planned(ctx, `SELECT count(*) FROM {}erasures WHERE state = 0`, func(row scanner) error { return row.Scan(&l.RunningErasures) })
	}
	if err != nil {
		return store.Layout{}, s.mapError(ctx, err)
	}
	return l, nil
}

func (d postgres) layout(ctx context.Context, l *store.Layout) error {
	l.Kind = "postgres"
	there, err := d.s.partitions(ctx, d.s.db.DB, "")
	if err != nil {
		return err
	}
	var days []time.Time
	for name := range there {
		if suffix, ok := strings.CutPrefix(name, "messages_"); ok && there["attempts_"+suffix] {
			at, _ := time.Parse(dayFormat, suffix) // partitions has parsed it
			days = append(days, at)
		}
	}
	if len(days) > 0 {
		l.FirstDay, l.LastDay = slices.MinFunc(days, time.Time.Compare), slices.MaxFunc(days, time.Time.Compare)
	}
	return d.s.planned(ctx, `
SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bigint) FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace(?) AND c.relkind = 'r'`, func(row scanner) error { return row.Scan(&l.Bytes) }, d.s.schema)
}

func (d sqlite) layout(ctx context.Context, l *store.Layout) error {
	l.Kind = "sqlite"
	return d.s.planned(ctx, `
SELECT (SELECT min(id) FROM {}messages), (SELECT max(id) FROM {}messages), page_count * page_size
FROM pragma_page_count, pragma_page_size`, func(row scanner) error {
		var first, last id
		err := row.Scan(&first, &last, &l.Bytes)
		l.FirstDay, l.LastDay = startOfDay(first), startOfDay(last)
		return err
	})
}

// startOfDay returns the beginning of the day of an id; zero for no id.
func startOfDay(v id) time.Time {
	if uuid.UUID(v) == uuid.Nil {
		return time.Time{}
	}
	return time.UnixMilli(dayOf(uuid.UUID(v)) * day.Milliseconds()).UTC()
}
