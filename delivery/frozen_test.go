package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// frozen is a store in which, once it is frozen, calls do not return until their contexts end, or, if
// it is deaf, until it thaws.
type frozen struct {
	store.Store
	is, thawed chan struct{} // closed
	deaf       bool
}

func freezing(s store.Store, deaf bool) *frozen {
	return &frozen{s, make(chan struct{}), make(chan struct{}), deaf}
}

func (f *frozen) wait(ctx context.Context) error {
	select {
	case <-f.is:
	default:
		return nil
	}
	done := ctx.Done()
	if f.deaf {
		done = nil
	}
	select {
	case <-done:
		return ctx.Err()
	case <-f.thawed:
		return store.ErrUnavailable
	}
}

func (f *frozen) Claim(ctx context.Context, o store.ClaimOptions) ([]store.Job, time.Time, error) {
	if err := f.wait(ctx); err != nil {
		return nil, time.Time{}, err
	}
	return f.Store.Claim(ctx, o)
}

func (f *frozen) Record(ctx context.Context, o []store.Outcome) ([]uuid.UUID, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Store.Record(ctx, o)
}

func (f *frozen) Defer(ctx context.Context, d []store.Deferral) ([]uuid.UUID, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Store.Defer(ctx, d)
}

func TestStopReturnsSoonAfterItsContextAlsoWhenTheStoreIsFrozen(t *testing.T) {
	t.Parallel()
	for rule, deaf := range map[string]bool{"HonoursContexts": false, "IgnoresContexts": true} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				w.subscribe(org)
				st := freezing(w.store, deaf)
				posted := make(chan struct{}, 1000)
				e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
					posted <- struct{}{}
					<-st.is
					return guard.Result{Status: 200}
				}), func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription = st, 64, 64 })
				w.must(e.Start(t.Context()))
				w.publish(org, 900)
				<-posted
				close(st.is)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				if err := e.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Stop: %v", err)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("Stop took %v, want at most 2 s more than its context's 3 s", took)
				}
				close(st.thawed)
				time.Sleep(time.Second)
			})
		})
	}
}

func TestAFrozenStoreIsNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		st := freezing(w.store, false)
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store = st })
		w.must(e.Start(t.Context()))
		close(st.is)
		time.Sleep(time.Minute)
		if w.count(delivery.StoreDown) != 1 {
			t.Error("no notice that the store is down")
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestStart_GivesUpAStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store = hung{w.store} })
		if err := e.Start(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}
