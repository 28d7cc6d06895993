//go:build unix

package main

import (
	"context"
	"net/http"
	"syscall"
	"time"
)

// pausedEvents are in flight at the host that is stopped.
const pausedEvents = 30

// pause stops a host while it waits for answers. Its requests fail, but another host has taken its attempts over
// when it learns that: what it writes must not add a retry.
func pause(ctx context.Context, t *trial) error {
	const answered = time.Second
	behave := func(_ delivery, nth int) (int, time.Duration) {
		if nth == 1 {
			return http.StatusInternalServerError, answered
		}
		return http.StatusOK, 0
	}
	if err := t.setUp(ctx, 1, behave, "--retry-schedule=1s,1s"); err != nil {
		return err
	}
	t.publisher.batch = pausedEvents
	for range t.size.faults {
		if err := t.pauseOnce(ctx); err != nil {
			return err
		}
	}
	v := t.conclude(ctx)
	requests := 0
	for _, path := range t.paths {
		n, _ := t.receiver.requests(path)
		requests += n
	}
	var attempts int
	if err := t.db.QueryRowContext(ctx, `SELECT count(*) FROM webhooks.attempts`).Scan(&attempts); err != nil {
		return err
	}
	t.result.check("requests", float64(requests), exactly(float64(2*v.delivered)))
	t.result.check("attempts in the history", float64(attempts), exactly(float64(v.delivered)))
	t.result.check("longest take-over in seconds", v.takeOver.Seconds(), atMost(maxTakeOver.Seconds()))
	return nil
}

// pauseOnce lets the only host send, stops it, starts another one, and lets the first go on at the end.
func (t *trial) pauseOnce(ctx context.Context) error {
	stopped := t.fleet.hosts[0]
	_, before := t.receiver.requests("/a")
	published := make(chan struct{})
	go func() {
		defer close(published)
		t.publisher.count(ctx, pausedEvents)
	}()
	sent := func() (bool, error) {
		a, _ := t.receiver.requests("/a")
		b, _ := t.receiver.requests("/b")
		return a+b >= before*4+2*pausedEvents, nil
	}
	if err := poll(ctx, serverPatience, sent); err != nil {
		return err
	}
	from := time.Now()
	stopped.signal(syscall.SIGSTOP)
	defer stopped.signal(syscall.SIGCONT)
	other, err := t.newHost(ctx, t.store, stopped.arguments...)
	if err != nil {
		return err
	}
	if err := other.start(ctx); err != nil {
		return err
	}
	t.fleet.hosts = []*host{other} // publishers do not wait for the stopped one
	t.settle(ctx, maxTakeOver+serverPatience)
	stopped.signal(syscall.SIGCONT)
	<-published
	// The stopped host learns at once that its requests failed, and a retry would be due a second later.
	err = wait(ctx, 4*time.Second)
	t.fault(from, time.Now())
	stopped.kill()
	return err
}
