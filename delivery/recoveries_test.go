package delivery_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// jobs is a store with a recovery job that publishes the remaining messages anew, some at a time. It
// wakes no engine.
type jobs struct {
	store.Store
	message func() store.NewMessage
	each    int

	mu    sync.Mutex
	left  int
	errs  []error // of the next calls
	stuck bool    // calls wait for their ctx
	calls int
	opts  store.AdvanceOptions // of the last call
}

func (j *jobs) AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls, j.opts = j.calls+1, opts
	if j.stuck {
		<-ctx.Done()
		return false, errAway
	}
	if len(j.errs) > 0 {
		err := j.errs[0]
		j.errs = j.errs[1:]
		return false, err
	}
	if j.left == 0 {
		return false, nil
	}
	n := min(j.left, j.each, opts.Max)
	j.left -= n
	messages := make([]store.NewMessage, n)
	for i := range messages {
		messages[i] = j.message()
	}
	_, err := j.Publish(ctx, nil, messages, store.PublishOptions{NewID: opts.NewID})
	return true, err
}

func (j *jobs) set(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
}

// seen returns how often it was called, and the options of the last call.
func (j *jobs) seen() (int, store.AdvanceOptions) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.calls, j.opts
}

// recovering makes an engine over the world, with a job.
func recovering(w *world, org uuid.UUID, left int, change ...func(*delivery.Config)) (*delivery.Engine, *jobs, *script) {
	w.t.Helper()
	// As an interface, so that the store's Listen is hidden.
	j := &jobs{
		Store: store.Store(w.store.(*memstore.Store)), message: func() store.NewMessage { return w.message(org) }, each: 100,
		left: left,
	}
	w.store = j
	sent := &script{statuses: []int{200}}
	return w.engine(sent, change...), j, sent
}

func TestRecoveryAdvancesUntilItIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		e, j, sent := recovering(w, org, 1050, rarely, func(c *delivery.Config) { c.Deadline, c.Backlog = time.Hour, 256 })
		w.must(e.Start(t.Context()))
		synctest.Wait()
		calls, opts := j.seen()
		if calls != 12 || len(sent.at) != 1050 {
			t.Errorf("%d calls and %d requests before any time passed, want 11 that advance it, one that finds nothing, and 1050", calls,
				len(sent.at))
		}
		if opts.Max != 500 || !opts.At.Equal(now()) || !opts.ExpiresAt.Equal(now().Add(time.Hour)) {
			t.Errorf("called with %+v", opts)
		}
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if calls, _ := j.seen(); calls != 22 {
			t.Errorf("%d calls in ten idle seconds, want one a second", calls-12)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestRecoveryGoesOnAfterStopAndStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		e, j, sent := recovering(w, org, 0)
		w.must(e.Start(t.Context()))
		synctest.Wait()
		j.set(func() { j.left, j.stuck = 300, true })
		settle() // it is being advanced
		began := time.Now()
		w.must(e.Stop(t.Context()))
		if d := time.Since(began); d != 0 {
			t.Errorf("Stop took %v", d)
		}
		before, _ := j.seen()
		time.Sleep(time.Minute)
		e.WakeRecoveries()
		synctest.Wait()
		if calls, _ := j.seen(); calls != before {
			t.Error("a stopped engine advances")
		}
		if w.count(delivery.StoreDown) != 0 {
			t.Error("Stop counts as the store's failure")
		}
		j.set(func() { j.stuck = false })
		w.must(e.Start(t.Context()))
		settle()
		if len(sent.at) != 300 {
			t.Errorf("%d requests after the restart, want 300", len(sent.at))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestRecoveryRetriesErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		e, j, sent := recovering(w, org, 100, rarely)
		j.errs = slices.Repeat([]error{errAway}, 20)
		w.must(e.Start(t.Context()))
		synctest.Wait()
		if calls, _ := j.seen(); calls != 1 || w.count(delivery.StoreDown) != 1 {
			t.Errorf("%d calls at once and %d times down, want 1 and 1", calls, w.count(delivery.StoreDown))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if calls, _ := j.seen(); calls < 4 || calls > 15 {
			t.Errorf("%d calls in the first second, want them to slow down", calls)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(sent.at) != 100 {
			t.Errorf("%d requests after the errors, want 100", len(sent.at))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestRecoveryThatIsRefusedDoesNotMeanThatTheStoreIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		e, j, sent := recovering(w, org, 100)
		j.errs = []error{errors.New("a bad row")}
		w.must(e.Start(t.Context()))
		settle()
		if len(sent.at) != 100 || w.count(delivery.StoreDown) != 0 {
			t.Errorf("%d requests, %d times down, want 100 and 0", len(sent.at), w.count(delivery.StoreDown))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestWakeRecoveriesDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		e, j, sent := recovering(w, org, 0, rarely)
		e.WakeRecoveries() // before any Start
		w.must(e.Start(t.Context()))
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		j.set(func() { j.left = 50 })
		began := time.Now()
		e.WakeRecoveries()
		e.WakeRecoveries()
		synctest.Wait()
		if len(sent.at) != 50 || time.Since(began) != 0 {
			t.Errorf("%d requests after %v, want 50 at once", len(sent.at), time.Since(began))
		}
		w.must(e.Stop(t.Context()))
	})
}
