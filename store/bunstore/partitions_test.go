package bunstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
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
			end := w.reading(table) // until the end: maintain returns while the lock is held
			check(t, maintain())
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

// handOff publishes and records, without the transactions that may wait for a lock.
func (sc *scene) handOff(ctx context.Context) {
	sc.tb.Helper()
	out, err := sc.s.Publish(ctx, nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(1))
	check(sc.tb, err)
	lost, err := sc.s.Record(ctx, []store.Outcome{{
		Lease: out[0].Jobs[0].Lease, Status: store.Succeeded, PostedAt: sc.now, HTTPStatus: 200,
		At: sc.now,
	}})
	check(sc.tb, err)
	if len(lost) > 0 {
		sc.tb.Fatalf("lost %v", lost)
	}
}

func TestHandOffWaitsForNoOtherDay(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.handOff(t.Context()) // whatever else there is to find out
	end := w.lock("{}attempts" + w.noon(3).Format("_20060102") + ", {}messages" + w.noon(3).Format("_20060102"))
	defer end()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	w.handOff(ctx)
}

func TestHandOffOfADayWithoutPartitions(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.handOff(t.Context())
	_, err := w.s.DB().DB.ExecContext(t.Context(), w.sql("DROP TABLE {}messages"+w.now.Format("_20060102")+", {}attempts"+w.now.Format("_20060102")))
	check(t, err)
	w.handOff(t.Context())
	w.handOff(t.Context())
	if n := w.count("{}attempts_default WHERE status = 2"); n != 2 {
		t.Errorf("%d attempts of the default partition are recorded, want 2", n)
	}
}

func TestHandOffOfWhoMayNotUsePartitions(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	guest := w.guest("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
		"REVOKE ALL ON {}messages"+w.now.Format("_20060102")+", {}attempts"+w.now.Format("_20060102")+" FROM {role}")
	guest.handOff(t.Context())
	if n := w.count("{}attempts" + w.now.Format("_20060102") + " WHERE status = 2"); n != 1 {
		t.Errorf("%d attempts are recorded, want 1", n)
	}
}

// Where the ids are of two days there is no one partition for them.
func TestHandOffAtMidnight(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	midnight := w.now.Truncate(24 * time.Hour)
	after, before := w.messageAt(midnight), w.messageAt(midnight.Add(-time.Millisecond))
	opts := w.options(2)
	opts.NewID = func() uuid.UUID { return idAt(midnight) }
	out, err := w.s.Publish(t.Context(), nil, []store.NewMessage{after, before}, opts)
	check(t, err)
	w.succeed(out[0].Jobs[0], out[1].Jobs[0])
	if n := w.count("{}attempts WHERE status = 2"); n != 2 {
		t.Errorf("%d attempts are recorded, want 2", n)
	}
}
