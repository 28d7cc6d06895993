package delivery_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// erasable is a store with an erasure of some steps.
type erasable struct {
	store.Store

	mu    sync.Mutex
	steps int
	errs  []error // of the next calls
	calls int
	sizes []int // of the steps
}

func (e *erasable) AdvanceErasure(_ context.Context, _ time.Time, max int) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if len(e.errs) > 0 {
		err := e.errs[0]
		e.errs = e.errs[1:]
		return false, err
	}
	if e.steps == 0 {
		return false, nil
	}
	e.steps--
	e.sizes = append(e.sizes, max)
	return true, nil
}

// add adds steps.
func (e *erasable) add(steps int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.steps += steps
}

func (e *erasable) seen() (calls, left int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls, e.steps
}

func TestErasureAdvancesInBoundedStepsUntilItIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		st := &erasable{Store: w.store, steps: 7}
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store = st })
		w.must(e.Start(t.Context()))
		synctest.Wait()
		if calls, left := st.seen(); calls != 8 || left != 0 || st.sizes[0] != 500 {
			t.Errorf("%d calls leave %d steps of %v before any time passed", calls, left, st.sizes)
		}
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if calls, _ := st.seen(); calls != 10 {
			t.Errorf("%d calls in ten idle seconds, want one in five", calls-8)
		}
		st.add(1)
		e.WakeErasures()
		synctest.Wait()
		if _, left := st.seen(); left != 0 {
			t.Error("a wake-up waits")
		}
		w.must(e.Stop(t.Context()))
		st.add(1)
		e.WakeErasures()
		time.Sleep(time.Minute)
		if _, left := st.seen(); left != 1 {
			t.Error("a stopped engine advances")
		}
	})
}

func TestErasureGoesOnAfterErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		st := &erasable{Store: w.store, steps: 2, errs: []error{errAway, errors.New("a bad row"), errAway}}
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store = st })
		w.must(e.Start(t.Context()))
		time.Sleep(time.Minute)
		if _, left := st.seen(); left != 0 {
			t.Errorf("%d steps are left", left)
		}
		w.must(e.Stop(t.Context()))
	})
}
