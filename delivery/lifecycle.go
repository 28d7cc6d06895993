package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/store"
)

var errStopped = errors.New("delivery: Stop was called before Start had ended")

// Start checks that the store answers and that the host is Ready, begins to deliver,
// and returns. When ctx is cancelled the engine drains as [Engine.Stop] does, within
// Config.DrainTimeout. To start an engine that runs already does nothing. While a
// former run drains, Start waits for its end. If ctx ends before Start has, its error
// is returned, and if Stop is called, an error that says so; nothing is started then.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	stopCalled := e.stopCalled
	e.mu.Unlock()
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(stopCalled, cancel)()
	err := e.startWhile(starting, stopCalled, ctx)
	if err != nil && stopCalled.Err() != nil && ctx.Err() == nil {
		return errStopped
	}
	return err
}

// startWhile starts a run that lasts as long as life, unless ctx or stopCalled end before.
func (e *Engine) startWhile(ctx, stopCalled, life context.Context) error {
	select {
	case e.starting <- struct{}{}:
		defer func() { <-e.starting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if r := e.current(); r != nil {
		if r.takesIn() {
			return nil
		}
		select {
		case <-r.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := e.whenUnlocked(ctx, e.cfg.Store.Ping); err != nil {
		return err
	}
	if err := e.whenUnlocked(ctx, e.cfg.Ready); err != nil {
		return err
	}
	e.exposeGauges()
	r := e.newRun(life)
	r.beat(ctx)
	err := e.enter(ctx, stopCalled, r)
	if err != nil {
		r.leave()
	}
	return err
}

// enter starts a run unless one of the contexts has ended.
func (e *Engine) enter(ctx, stopCalled context.Context, r *run) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := cmp.Or(stopCalled.Err(), ctx.Err()); err != nil {
		return err
	}
	e.run = r
	r.start()
	return nil
}

// whenUnlocked calls ask, which may write to the store, and repeats the call while another process holds the lock of a busy SQLite
// file. It takes no longer than a lease.
func (e *Engine) whenUnlocked(ctx context.Context, ask func(context.Context) error) error {
	bounded, cancel := e.bounded(ctx)
	defer cancel()
	err := ask(bounded)
	for backOff := storeBackOff(); errors.Is(err, store.ErrLocked) && bounded.Err() == nil; {
		newWakeup(e.cfg.Clock).wait(backOff.NextBackOff(), bounded.Done())
		err = ask(bounded)
	}
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("delivery: %w: no answer within %v", store.ErrUnavailable, e.cfg.Lease)
	}
	return err
}

// Stop drains: nothing more is claimed, attempts in flight are finished and recorded,
// and attempts that wait in memory are given back. It returns when that is done. If
// ctx ends before, attempts in flight are aborted and given back too, and its error is
// returned, within 1.5 s, also when the store, the Sender or the observer does not
// return: an attempt that cannot be given back in that time becomes due when its lease
// ends. To stop an engine that does not run does nothing. A Start that has not ended yet,
// because it waits for a drain or for the store, starts nothing any more.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	e.callStop()
	e.stopCalled, e.callStop = context.WithCancel(context.Background())
	r := e.run
	e.mu.Unlock()
	if r == nil {
		return nil
	}
	r.stopClaiming()
	select {
	case <-r.drained:
		return nil
	case <-ctx.Done():
	}
	r.abort()
	gone, cancel := clock.WithTimeout(context.Background(), e.cfg.Clock, flushTimeout+abortTimeout)
	defer cancel()
	select {
	case <-r.drained:
	case <-gone.Done(): // a call of the store or the observer does not end
	}
	return ctx.Err()
}

// Running reports whether the engine was started and takes in work.
func (e *Engine) Running() bool {
	r := e.current()
	return r != nil && r.takesIn()
}

// takesIn reports whether neither Stop was called nor the ctx of Start has ended.
func (r *run) takesIn() bool { return r.claiming.Err() == nil && r.life.Err() == nil }
