package bunstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// The metrics count a long queue without reading its rows.
func TestMeasureReadsTheIndexAlone(t *testing.T) {
	t.Parallel()
	onEachPool(t, measureReadsTheIndex)
}

func measureReadsTheIndex(t *testing.T, s *bunstore.Store) {
	for range 12 { // from the sixth time on a plan is kept; it is made for an empty queue
		_, err := s.Measure(t.Context(), 100_000)
		check(t, err)
	}
	exec := func(query string) {
		_, err := s.DB().NewRaw(strings.ReplaceAll(query, "{}", `"`+s.Schema()+`".`)).Exec(t.Context())
		check(t, err)
	}
	exec(`INSERT INTO {}queue (attempt_id, organization_id, subscription_id, token, due_at, number, sending, held)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, now() + i * interval '1 second', 1, i % 10 = 3, i % 10 = 7
FROM generate_series(-999, 1000) AS i`)
	read := func() (rows, entries int) {
		exec(`SELECT pg_stat_force_next_flush()`)
		check(t, s.DB().NewRaw(`SELECT seq_tup_read, (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes
  WHERE schemaname = ?0 AND relname = 'queue' AND indexrelname <> 'queue_due')
FROM pg_stat_user_tables WHERE schemaname = ?0 AND relname = 'queue'`, s.Schema()).Scan(t.Context(), &rows, &entries))
		return rows, entries
	}
	rows, entries := read()
	got, err := s.Measure(t.Context(), 100_000)
	check(t, err)
	if age := got.OldestDue; age < 999*time.Second || age > 1100*time.Second {
		t.Errorf("due for %v, want 999 s", age)
	}
	got.OldestDue = 0
	if want := (store.Measures{Due: 1000, Scheduled: 800, Held: 100, Sending: 100, DaysAhead: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if rowsAfter, entriesAfter := read(); rowsAfter != rows || entriesAfter != entries {
		t.Errorf("%d rows were read by scans of the table, %d entries of other indexes", rowsAfter-rows, entriesAfter-entries)
	}
	if plan := measurePlan(t, s); strings.Count(plan, "Index Only Scan using queue_due") < 2 || strings.Contains(plan, "Seq Scan on queue") {
		t.Errorf("plan:\n%s", plan)
	}
}

// measurePlan returns the plan that the one connection of the store keeps for Measure.
func measurePlan(t *testing.T, s *bunstore.Store) string {
	t.Helper()
	var name string
	check(t, s.DB().NewRaw(`SELECT name FROM pg_prepared_statements WHERE statement LIKE '%AS later ON true%'`).Scan(t.Context(), &name))
	var lines []string
	check(t, s.DB().NewRaw(`EXPLAIN EXECUTE "`+name+`"(100000, 100000, 100000, 100000)`).Scan(t.Context(), &lines))
	return strings.Join(lines, "\n")
}
