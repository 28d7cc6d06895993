package bunstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// wakeCases are the operations that make an attempt due, and some that look alike. prepare
// returns the operation, and leaves no attempt due.
var wakeCases = []struct {
	name    string
	due     bool
	prepare func(sc *scene) (operation func() error)
}{
	{"Publish", true, func(sc *scene) func() error { return sc.publishing(sc.message(nil)) }},
	{"Publish/WithKey", true, func(sc *scene) func() error { return sc.publishing(sc.keyed("key", "x")) }},
	{"Publish/InTx", true, func(sc *scene) func() error {
		return func() error {
			tx, err := sc.s.Begin(sc.tb.Context())
			check(sc.tb, err)
			_, err = sc.s.Publish(sc.tb.Context(), tx, []store.NewMessage{sc.message(nil)}, sc.options(0))
			check(sc.tb, err)
			return tx.Commit()
		}
	}},
	{"Publish/HandedOff", false, func(sc *scene) func() error { return func() error { sc.sending(); return nil } }},
	{"AddAttempt", true, func(sc *scene) func() error { return sc.adding(store.NewAttempt{}) }},
	{"AddAttempt/ByAClockThatIsAhead", true, func(sc *scene) func() error { return sc.adding(store.NewAttempt{At: sc.now.Add(time.Hour)}) }},
	{"AddAttempt/External", false, func(sc *scene) func() error { return sc.adding(store.NewAttempt{External: true}) }},
	{"Record/Retry", true, func(sc *scene) func() error { return sc.recording(&store.Next{ID: newID(), DueAt: sc.now}) }},
	{"Record/LaterRetry", false, func(sc *scene) func() error {
		return sc.recording(&store.Next{ID: newID(), DueAt: sc.now.Add(time.Hour)})
	}},
	{"Record/NoRetry", false, func(sc *scene) func() error { return sc.recording(nil) }},
	{"Report/Retry", true, func(sc *scene) func() error { return sc.reporting(sc.now) }},
	{"Report/LaterRetry", false, func(sc *scene) func() error { return sc.reporting(sc.now.Add(time.Hour)) }},
	{"Defer", true, func(sc *scene) func() error { return sc.deferring(sc.sending(), sc.now, false) }},
	{"Defer/Later", false, func(sc *scene) func() error { return sc.deferring(sc.sending(), sc.now.Add(time.Hour), false) }},
	{"Release", true, func(sc *scene) func() error {
		check(sc.tb, sc.deferring(sc.sending(), sc.now.Add(time.Hour), true)())
		return func() error { return sc.s.Release(sc.tb.Context(), sc.sub.ID) }
	}},
	{"UpdateSubscription/Activate", true, func(sc *scene) func() error {
		check(sc.tb, sc.deferring(sc.sending(), sc.now.Add(time.Hour), false)())
		check(sc.tb, sc.updating(func(sub *store.Subscription) { sub.Active = false })())
		return sc.updating(func(sub *store.Subscription) { sub.Active = true })
	}},
	{"UpdateSubscription/PostURI", true, func(sc *scene) func() error {
		check(sc.tb, sc.deferring(sc.sending(), sc.now.Add(time.Hour), true)())
		return sc.updating(func(sub *store.Subscription) { sub.PostURI += "/new" })
	}},
	{"UpdateSubscription/Description", false, func(sc *scene) func() error {
		check(sc.tb, sc.deferring(sc.sending(), sc.now.Add(time.Hour), true)())
		return sc.updating(func(sub *store.Subscription) { sub.Description = "new" })
	}},
	{"AdvanceRecovery/Failed", true, func(sc *scene) func() error {
		check(sc.tb, sc.recording(nil)())
		return sc.recovering(store.RecoverFailed)
	}},
	{"AdvanceRecovery/Missed", true, func(sc *scene) func() error {
		check(sc.tb, sc.updating(func(sub *store.Subscription) { sub.Active = false })())
		check(sc.tb, sc.publishing(sc.message(nil))())
		check(sc.tb, sc.updating(func(sub *store.Subscription) { sub.Active = true })())
		return sc.recovering(store.RecoverMissed)
	}},
	{"AdvanceRecovery/Nothing", false, func(sc *scene) func() error { return sc.recovering(store.RecoverAll) }},
}

// An operation wakes the listeners if it made an attempt due, and only then.
func TestOperationsThatMakeAnAttemptDueWakeTheListeners(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open   func(tb testing.TB) *bunstore.Store
		listen func(tb testing.TB, s *bunstore.Store) (woken func() bool)
	}{
		"SQLite":   {newSQLite, listenInProcess},
		"Postgres": {newPostgres, listenOnChannel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, w := range wakeCases {
				t.Run(w.name, func(t *testing.T) {
					t.Parallel()
					sc := newScene(t, c.open(t))
					operation := w.prepare(sc)
					sc.claimed(false)
					woken := c.listen(t, sc.s)
					check(t, operation())
					if got := woken(); got != w.due {
						t.Errorf("the listeners were woken: %t, want %t", got, w.due)
					}
					sc.claimed(w.due)
				})
			}
		})
	}
}

// listenInProcess listens with the store, which wakes listeners before an operation returns.
func listenInProcess(tb testing.TB, s *bunstore.Store) (woken func() bool) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	wakes, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- s.Listen(ctx, func() { wakes <- struct{}{} }) }()
	<-wakes // Listen has begun
	tb.Cleanup(func() {
		cancel()
		check(tb, <-ended)
	})
	return func() bool { return len(wakes) > 0 }
}

// listenOnChannel listens on the channel of a schema. PostgreSQL delivers notifications in the
// order of the commits, so those before a marker are the operation's.
func listenOnChannel(tb testing.TB, s *bunstore.Store) (woken func() bool) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), testpg.DSN(tb))
	check(tb, err)
	tb.Cleanup(func() { check(tb, conn.Close(context.Background())) })
	_, err = conn.Exec(tb.Context(), `LISTEN "`+s.Schema()+`"`)
	check(tb, err)
	return func() (woken bool) {
		_, err := s.DB().ExecContext(tb.Context(), "SELECT pg_notify(?, 'marker')", s.Schema())
		check(tb, err)
		for {
			n, err := conn.WaitForNotification(tb.Context())
			check(tb, err)
			if n.Payload == "marker" {
				return woken
			}
			woken = true
		}
	}
}

// claimed claims all due attempts, and fails the test if there are none or some, against want.
func (sc *scene) claimed(want bool) {
	sc.tb.Helper()
	jobs, _, err := sc.s.Claim(sc.tb.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
	check(sc.tb, err)
	if (len(jobs) > 0) != want {
		sc.tb.Errorf("%d attempts are due, want some: %t", len(jobs), want)
	}
}

func (sc *scene) publishing(m store.NewMessage) func() error {
	return func() error {
		_, err := sc.s.Publish(sc.tb.Context(), nil, []store.NewMessage{m}, sc.options(0))
		return err
	}
}

// sending publishes a message and returns its attempt, which is handed off.
func (sc *scene) sending() store.Job {
	sc.tb.Helper()
	out, err := sc.s.Publish(sc.tb.Context(), nil, []store.NewMessage{sc.message(nil)}, sc.options(1))
	check(sc.tb, err)
	return out[0].Jobs[0]
}

// adding adds an attempt with a message of its own. At is now by default.
func (sc *scene) adding(a store.NewAttempt) func() error {
	m := sc.message(nil).Message
	a.ID, a.Message, a.ExpiresAt = newID(), &m, sc.now.Add(2*time.Hour)
	if a.At.IsZero() {
		a.At = sc.now
	}
	return func() error {
		_, err := sc.s.AddAttempt(sc.tb.Context(), sc.org, sc.sub.ID, a)
		return err
	}
}

// recording records the failure of an attempt.
func (sc *scene) recording(next *store.Next) func() error {
	o := store.Outcome{Lease: sc.sending().Lease, Status: store.Failed, PostedAt: sc.now, At: sc.now, Next: next}
	return func() error {
		_, err := sc.s.Record(sc.tb.Context(), []store.Outcome{o})
		return err
	}
}

// reporting reports the failure of an external attempt, with a retry.
func (sc *scene) reporting(due time.Time) func() error {
	a := store.NewAttempt{External: true}
	check(sc.tb, sc.adding(a)())
	list, err := sc.s.Attempts(sc.tb.Context(), store.HistoryQuery{
		OrganizationID: sc.org, SubscriptionID: sc.sub.ID, Page: store.Page{Take: 1},
	})
	check(sc.tb, err)
	return func() error {
		_, err := sc.s.Report(sc.tb.Context(), sc.org, sc.sub.ID, list.Items[0].ID, func(store.Attempt) (*store.Report, error) {
			return &store.Report{Status: store.Failed, At: sc.now, Next: &store.Next{ID: newID(), DueAt: due}}, nil
		})
		return err
	}
}

func (sc *scene) deferring(j store.Job, due time.Time, held bool) func() error {
	return func() error {
		_, err := sc.s.Defer(sc.tb.Context(), []store.Deferral{{Lease: j.Lease, DueAt: due, Held: held}})
		return err
	}
}

func (sc *scene) updating(change func(*store.Subscription)) func() error {
	return func() error {
		_, err := sc.s.UpdateSubscription(sc.tb.Context(), sc.org, sc.sub.ID, sc.now, func(sub *store.Subscription) error {
			change(sub)
			return nil
		})
		return err
	}
}

// recovering advances a recovery by one step.
func (sc *scene) recovering(scope store.RecoveryScope) func() error {
	check(sc.tb, sc.s.CreateRecovery(sc.tb.Context(), store.Recovery{
		ID: newID(), OrganizationID: sc.org, SubscriptionID: sc.sub.ID, Scope: scope,
		Since: sc.now.Add(-time.Hour), Until: sc.now.Add(time.Hour), CreatedAt: sc.now, CreatedBy: "ann",
	}))
	return func() error {
		_, err := sc.s.AdvanceRecovery(sc.tb.Context(), store.AdvanceOptions{
			Max: 10, NewID: newID, At: sc.now, ExpiresAt: sc.now.Add(time.Hour),
		})
		return err
	}
}
