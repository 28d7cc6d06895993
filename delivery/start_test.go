package delivery_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// attemptTime is how long an attempt takes in these tests, and with it the drain.
const attemptTime = 3 * time.Second

// whileDraining runs a test on an engine that has begun to drain: one attempt is under
// way.
func whileDraining(t *testing.T, test func(t *testing.T, w *world, e *delivery.Engine, sub store.Subscription)) {
	t.Helper()
	for name, drain := range map[string]func(e *delivery.Engine, cancel context.CancelFunc){
		"ByStartsContext": func(_ *delivery.Engine, cancel context.CancelFunc) { cancel() },
		"ByStop": func(e *delivery.Engine, _ context.CancelFunc) {
			go func() { _ = e.Stop(context.Background()) }()
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org)
				e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
					time.Sleep(attemptTime)
					return guard.Result{Status: 200}
				}))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.must(e.Start(ctx))
				w.publish(org, 1)
				settle()
				drain(e, cancel)
				test(t, w, e, sub)
			})
		})
	}
}

func TestStart_WaitsForTheDrainOfTheFormerRun(t *testing.T) {
	t.Parallel()
	whileDraining(t, func(t *testing.T, w *world, e *delivery.Engine, sub store.Subscription) {
		begin := time.Now()
		starts := make(chan error)
		for range 2 {
			go func() { starts <- e.Start(t.Context()) }()
		}
		w.must(errors.Join(<-starts, <-starts))
		if took := time.Since(begin); took > attemptTime {
			t.Errorf("Start took %v, longer than the drain", took)
		}
		if a := w.attempts(sub); a[0].Status != store.Succeeded {
			t.Errorf("Start returned before the drain: the attempt is %v", a[0].Status)
		}
		w.publish(sub.OrganizationID, 1)
		time.Sleep(2 * attemptTime)
		synctest.Wait()
		if a := w.attempts(sub); len(a) != 2 || a[1].Status != store.Succeeded {
			t.Errorf("after the second Start: %d attempts, the last one %v; want 2 successes", len(a), a[len(a)-1].Status)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestStart_GivesUpWaitingWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	whileDraining(t, func(t *testing.T, w *world, e *delivery.Engine, sub store.Subscription) {
		ctx, cancel := context.WithTimeout(t.Context(), attemptTime/2)
		defer cancel()
		if err := e.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the error of the context", err)
		}
		time.Sleep(attemptTime)
		synctest.Wait()
		if e.Running() || w.attempts(sub)[0].Status != store.Succeeded {
			t.Error("the drain was not finished, or the engine runs")
		}
		w.must(e.Start(t.Context()))
		if !e.Running() {
			t.Error("it cannot be started again")
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestStop_EndsAStartThatWaitsForTheDrain(t *testing.T) {
	t.Parallel()
	whileDraining(t, func(t *testing.T, w *world, e *delivery.Engine, sub store.Subscription) {
		started := make(chan error, 1)
		go func() { started <- e.Start(t.Context()) }()
		synctest.Wait()
		w.must(e.Stop(t.Context()))
		if err := <-started; err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("Start returned %v, want an error that says that Stop was called", err)
		}
		synctest.Wait()
		if e.Running() || w.attempts(sub)[0].Status != store.Succeeded {
			t.Error("the engine runs, or was not drained")
		}
	})
}

// hung is a store that answers no ping.
type hung struct{ store.Store }

func (hung) Ping(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStop_EndsAStartWhoseStoreDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store = hung{w.store} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin, started := time.Now(), make(chan error, 2)
		for range 2 {
			go func() { started <- e.Start(ctx) }()
		}
		synctest.Wait()
		if e.Running() {
			t.Error("it runs before the store has answered")
		}
		e.Reserve().HandOver(nil) // as a publish does
		w.must(e.Stop(t.Context()))
		for range 2 {
			if err := <-started; err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("Start returned %v, want an error that says that Stop was called", err)
			}
		}
		if waited := time.Since(begin); waited > 0 {
			t.Errorf("Running, a publish and Stop waited %v for the store", waited)
		}
	})
}

func TestStart_EndsWithTheErrorOfAHostThatIsNotReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, missing := newWorld(t), errors.New("a key is missing")
		verdict := missing
		e := w.engine(answer(200), func(c *delivery.Config) {
			c.Ready = func(context.Context) error { return verdict }
		})
		if err := e.Start(t.Context()); !errors.Is(err, missing) || e.Running() {
			t.Errorf("got %v, running: %v; want %v and a stopped engine", err, e.Running(), missing)
		}
		verdict = nil
		w.must(e.Start(t.Context()))
		w.must(e.Stop(t.Context()))
	})
}

// Whatever they do at the same time, the last call counts.
func TestStartAndStop_AtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(answer(200))
		var calls sync.WaitGroup
		for i := range 200 {
			calls.Go(func() {
				if i%2 == 0 {
					_ = e.Start(t.Context()) // or an error, if Stop was called meanwhile
				} else if err := e.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		w.must(e.Start(t.Context()))
		if !e.Running() {
			t.Error("does not run after the last Start")
		}
		w.must(e.Stop(t.Context()))
		if e.Running() {
			t.Error("runs after the last Stop")
		}
	})
}

// locked is a store whose Ping is a function.
type locked struct {
	store.Store
	ping func(context.Context) error
}

func (l locked) Ping(ctx context.Context) error { return l.ping(ctx) }

// refusing returns a function that returns the error three times, and then nil.
func refusing(err error) func(context.Context) error {
	times := 0
	return func(context.Context) error {
		if times++; times <= 3 {
			return err
		}
		return nil
	}
}

func TestStart_WaitsForTheLockOfABusyFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"Locked", store.ErrLocked, nil},
		{"Unavailable", store.ErrUnavailable, store.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				e := w.engine(&order{}, func(cfg *delivery.Config) {
					cfg.Store, cfg.Ready = locked{w.store, refusing(c.err)}, refusing(c.err)
				})
				if err := e.Start(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("Start returned %v, want %v", err, c.want)
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}
