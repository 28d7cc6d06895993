package bunstore_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

func TestDaysArePrunedByOneOfSeveral(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	for n := range 5 {
		for range 10 {
			w.doneAt(w.noon(n))
			w.succeed(w.retriedAt(w.sentAt(w.noon(n)), w.noon(n+1)))
		}
	}
	var removed atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			n, err := w.s.Prune(context.Background(), w.end(4), 1000)
			if err != nil {
				t.Error(err)
			}
			removed.Add(int64(n))
		})
	}
	wg.Wait()
	n, err := w.s.Prune(t.Context(), w.end(4), 1000) // for pairs that collided
	check(t, err)
	if removed.Load()+int64(n) != 100 {
		t.Errorf("removed %d and %d, want 100", removed.Load(), n)
	}
	w.left(0, 0)
	for n := range 5 {
		if w.has(w.noon(n)) {
			t.Errorf("day %d is still there", n)
		}
	}
}

func TestADayInUseIsLeftForLater(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.doneAt(w.noon(1))
	w.succeed(w.retriedAt(w.sentAt(w.noon(1)), w.noon(1)))
	for _, table := range []string{"attempts", "messages"} {
		end := w.reading(table) // until the end: Prune returns while the lock is held
		w.prune(w.end(1), 0)
		w.left(3, 2)
		if !w.has(w.noon(1)) {
			t.Error("the day is gone")
		}
		end()
	}
	w.prune(w.end(1), 2)
	if w.has(w.noon(1)) {
		t.Error("the day is still there")
	}
}

// An attempt that another transaction adds to a day is seen when it commits, although it was not
// when the day was looked at first.
func TestAnAttemptAddedDuringADropIsKept(t *testing.T) {
	t.Parallel()
	for range 5 { // Prune gives up if we are slow
		w := newWeek(t)
		older := w.sentAt(w.noon(0))
		w.prune(w.end(0), 0)
		w.doneAt(w.noon(1))
		younger := w.doneAt(w.noon(3))
		tx, err := w.s.DB().BeginTx(t.Context(), nil)
		check(t, err)
		w.addTo(tx, older, younger)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, err := w.s.Prune(context.Background(), w.end(1), 1000); err != nil {
				t.Error(err)
			}
		}()
		w.await(done, "pg_locks WHERE NOT granted AND relation IN (to_regclass('{}attempts'), to_regclass('{}messages'))")
		check(t, tx.Commit())
		<-done
		if w.has(w.noon(1)) {
			continue
		}
		w.left(5, 5)
		for _, j := range []store.Job{older, younger} {
			if n := len(w.chain(j).attempts); n != 2 {
				t.Errorf("%d attempts are left of the delivery, want 2", n)
			}
		}
		w.claim(1)
		return
	}
	t.Error("Prune gave up each time")
}

// addTo publishes a message of the second day, and adds one each that joins the
// deliveries of jobs.
func (w week) addTo(tx bun.Tx, deliveries ...store.Job) {
	w.tb.Helper()
	_, err := w.s.Publish(w.tb.Context(), bunstore.Tx(tx), []store.NewMessage{w.messageAt(w.noon(1))},
		store.PublishOptions{NewID: func() uuid.UUID { return idAt(w.noon(1)) }})
	check(w.tb, err)
	for _, j := range deliveries {
		values := strings.NewReplacer("{message}", idAt(w.noon(1)).String(), "{attempt}", idAt(w.noon(1)).String(),
			"{time}", w.noon(1).Format(time.RFC3339), "{of}", j.AttemptID.String(), "{first}", j.MessageID.String())
		for _, text := range []string{
			`INSERT INTO {}messages SELECT (jsonb_populate_record(m, '{"id": "{message}", "created_at": "{time}"}')).*
				FROM {}messages AS m WHERE id = '{first}'`,
			`INSERT INTO {}attempts SELECT (jsonb_populate_record(a, '{"id": "{attempt}", "number": 2, "status": 2, "message_id": "{message}"}')).*
				FROM {}attempts AS a WHERE id = '{of}'`,
		} {
			_, err := tx.ExecContext(w.tb.Context(), w.sql(values.Replace(text)))
			check(w.tb, err)
		}
	}
}

func TestPresentAndComingDaysAreNotDropped(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.doneAt(w.now)
	w.prune(w.now.AddDate(0, 0, 5), 1)
	if !w.has(w.now) || !w.has(w.now.AddDate(0, 0, 2)) {
		t.Error("a day is gone that is not over")
	}
}

// A host with a database user that owns no table prunes one by one.
func TestAUserWithoutTablesDropsNothing(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.doneAt(w.noon(1))
	guest := w.guest("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}")
	if n, err := guest.s.Prune(t.Context(), w.end(1), 10); n != 1 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	check(t, guest.s.Maintain(t.Context(), w.now))
	if err := guest.s.Maintain(t.Context(), w.now.AddDate(0, 0, 5)); err == nil {
		t.Error("Maintain says nothing of what it could not do")
	}
	w.left(0, 0)
}

func TestDeliveryGoesOnWhileDaysAreDropped(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	for n := range 5 {
		for range 20 {
			w.doneAt(w.noon(n))
		}
	}
	done, began := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	var sent atomic.Int64
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := w.sendOne(); err != nil {
					t.Error(err)
					return
				}
				if sent.Add(1) > 20 {
					once.Do(func() { close(began) })
				}
			}
		})
	}
	<-began
	for range 100 {
		_, err := w.s.Prune(t.Context(), w.end(4), 1000)
		check(t, err)
		if !w.has(w.noon(4)) {
			break
		}
	}
	close(done)
	wg.Wait()
	if w.has(w.noon(4)) {
		t.Error("the days are still there")
	}
	jobs, _, err := w.s.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Hour}) // concurrent claims may have missed one
	check(t, err)
	w.succeed(jobs...)
	if n := w.attempts(); n != int(sent.Load()) {
		t.Errorf("%d attempts are left, want the %d that were sent meanwhile", n, sent.Load())
	}
	if n := w.count("{}attempts WHERE status <> 2"); n != 0 {
		t.Errorf("%d were not recorded", n)
	}
}

// sendOne publishes, claims and records.
func (w week) sendOne() error {
	ctx := context.Background()
	if _, err := w.s.Publish(ctx, nil, []store.NewMessage{w.message([]byte("x"))}, w.options(0)); err != nil {
		return err
	}
	jobs, _, err := w.s.Claim(ctx, store.ClaimOptions{Max: 1, Lease: time.Hour})
	if err != nil || len(jobs) == 0 {
		return err
	}
	_, err = w.s.Record(ctx, []store.Outcome{{Lease: jobs[0].Lease, Status: store.Succeeded, PostedAt: w.now, HTTPStatus: 200, At: w.now}})
	return err
}
