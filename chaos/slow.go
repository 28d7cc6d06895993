//go:build unix

package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// slowTimeout is the longest time-out that a subscription may have, and slowAnswer the time of an endpoint that answers
// just within it. pausedAnswer leaves time for a pause of the host: a host that was stopped when its time-out passed finds the
// answer and the time-out together.
const (
	slowTimeout  = 30 * time.Second
	slowAnswer   = 29 * time.Second
	pausedAnswer = 20 * time.Second
)

// shortPause is a pause of a host after which its attempts are still its own.
const shortPause = 8 * time.Second

// eventsAtOnce is the number of events that three hosts send at the same time to two endpoints that they do not know, at
// the least.
const eventsAtOnce = 6

// backlogPatience bounds the time until a large backlog is delivered.
const backlogPatience = 10 * time.Minute

// slowReceiver lets attempts take nearly as long as their time-out, and then nearly as long with a pause of their host. Neither the
// loss of all connections nor a short pause lets another host send them, too: nothing of this is recorded as a fault that would
// excuse a duplicate.
func slowReceiver(ctx context.Context, t *trial) error {
	var answer atomic.Int64
	answer.Store(int64(slowAnswer))
	t.fleet.timeout = slowTimeout
	behave := func(delivery, int) (int, time.Duration) { return http.StatusOK, time.Duration(answer.Load()) }
	if err := t.setUp(ctx, 3, behave); err != nil {
		return err
	}
	err := t.slowly(ctx, func() error { return t.loseConnections(ctx) })
	if err != nil {
		return err
	}
	answer.Store(int64(pausedAnswer))
	err = t.slowly(ctx, func() error { return errors.Join(t.pauseShortly(ctx), t.loseConnections(ctx)) })
	if err != nil {
		return err
	}
	v := t.conclude(ctx)
	t.result.note("%d pauses of %v; all connections were lost %d times", t.faults, shortPause, 2*t.faults)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("hosts that ended", float64(len(t.fleet.hosts)-len(t.fleet.running())), atMost(0))
	return nil
}

// slowly publishes the trial's number of events, disturbs several times, and waits until all are delivered.
func (t *trial) slowly(ctx context.Context, disturb func() error) error {
	t.publisher.count(ctx, t.rate)
	if err := poll(ctx, serverPatience, func() (bool, error) { return t.receiver.pending() > 0, nil }); err != nil {
		return err
	}
	for range t.faults {
		if err := errors.Join(disturb(), wait(ctx, shortPause/2)); err != nil {
			return err
		}
	}
	t.settle(ctx, time.Duration(2+t.rate/eventsAtOnce)*slowAnswer)
	return nil
}

// pauseShortly stops a host for a while.
func (t *trial) pauseShortly(ctx context.Context) error {
	h := t.fleet.hosts[t.random.IntN(len(t.fleet.hosts))]
	h.signal(syscall.SIGSTOP)
	defer h.signal(syscall.SIGCONT)
	return wait(ctx, shortPause)
}

// loseConnections ends all connections, once all hosts have said that they are alive: a pause together with the loss of all
// connections is a death.
func (t *trial) loseConnections(ctx context.Context) error {
	if err := t.beating(ctx); err != nil {
		return err
	}
	_, err := t.db.ExecContext(ctx, terminateBackends)
	return err
}

// beating waits until all hosts have said within the last second that they are alive.
func (t *trial) beating(ctx context.Context) error {
	return poll(ctx, serverPatience, func() (bool, error) {
		var n int
		err := t.db.QueryRowContext(ctx, `SELECT count(*) FROM webhooks.hosts WHERE beat_at < now() - interval '1 second'`).Scan(&n)
		return n == 0, err
	})
}

// sustainedHighLoad publishes a number of events as quickly as the hosts take them.
func sustainedHighLoad(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 3, slow(0)); err != nil {
		return err
	}
	began := time.Now()
	t.publisher.count(ctx, t.rate)
	published := time.Since(began)
	t.settle(ctx, backlogPatience)
	delivered := time.Since(began)
	v := t.conclude(ctx)
	t.result.note("%.0f events/s published, %.0f deliveries/s",
		float64(t.rate)/published.Seconds(), float64(v.delivered)/delivered.Seconds())
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("requests without an acknowledgement", float64(t.publisher.refusals()), atMost(0))
	return nil
}
