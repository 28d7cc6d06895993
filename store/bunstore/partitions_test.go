package bunstore_test

import (
	"context"
	"sync"
	"testing"
	"time"
)

func TestMaintainMakesTheComingDaysOnce(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	then := w.now.AddDate(0, 0, 10)
	tomorrow := w.publishAt(w.messageAt(then.AddDate(0, 0, 1)), then.AddDate(0, 0, 1), 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := w.s.Maintain(context.Background(), then); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	check(t, w.s.Maintain(t.Context(), then))
	for n, want := range []bool{true, false, true, false} {
		if got := w.has(then.AddDate(0, 0, n)); got != want {
			t.Errorf("day %d is there: %v, want %v", n, got, want)
		}
	}
	w.publishAt(w.messageAt(then), then, 0)
	if n := w.count("{}messages_default"); n != 1 {
		t.Errorf("%d messages in the default partition, want 1", n)
	}
	if _, err := w.s.Message(t.Context(), w.org, tomorrow.MessageID); err != nil {
		t.Error(err)
	}
	w.succeed(w.claimDue(2)...)
}

func TestMaintainWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	for name, maintain := range map[string]func() error{
		"Maintain": func() error { return w.s.Maintain(t.Context(), w.now) },
		"Migrate":  func() error { return w.s.Migrate(t.Context()) },
	} {
		_, err := w.s.DB().DB.ExecContext(t.Context(), w.sql("DROP TABLE {}messages"+w.now.Format("_20060102")+", {}attempts"+w.now.Format("_20060102")))
		check(t, err)
		for _, table := range []string{"attempts", "messages"} {
			end, began := w.reading(table), time.Now()
			check(t, maintain())
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s gave up after %v", name, took)
			}
			if w.has(w.now) {
				t.Errorf("%s made a partition of a table in use", name)
			}
			end()
		}
		check(t, maintain())
		if !w.has(w.now) {
			t.Errorf("%s did not make what is missing", name)
		}
	}
}
