//go:build unix

package main

import (
	"context"
	"syscall"
	"time"
)

// slowTimeout is the longest time-out that a subscription may have, and slowAnswer the time of an endpoint that answers
// just within it.
const (
	slowTimeout = 30 * time.Second
	slowAnswer  = 29 * time.Second
)

// shortPause is a pause of a host after which its attempts are still its own.
const shortPause = 8 * time.Second

// eventsAtOnce is the number of events that three hosts send at the same time to two endpoints that they do not know, at
// the least.
const eventsAtOnce = 6

// backlogPatience bounds the time until a large backlog is delivered.
const backlogPatience = 10 * time.Minute

// slowReceiver lets attempts take nearly as long as their leases. Neither a short pause of a host nor the loss of all
// connections lets another host send them, too: nothing of this is recorded as a fault that would excuse a duplicate.
func slowReceiver(ctx context.Context, t *trial) error {
	t.fleet.timeout = slowTimeout
	if err := t.setUp(ctx, 3, slow(slowAnswer)); err != nil {
		return err
	}
	t.publisher.count(ctx, t.rate)
	if err := poll(ctx, serverPatience, func() (bool, error) { return t.receiver.pending() > 0, nil }); err != nil {
		return err
	}
	for range t.faults {
		h := t.fleet.hosts[t.random.IntN(len(t.fleet.hosts))]
		h.signal(syscall.SIGSTOP)
		err := wait(ctx, shortPause)
		h.signal(syscall.SIGCONT)
		if err != nil {
			return err
		}
		if err := t.beating(ctx); err != nil { // a pause together with the loss of all connections is a death
			return err
		}
		if _, err := t.db.ExecContext(ctx, terminateBackends); err != nil {
			return err
		}
		if err := wait(ctx, shortPause/2); err != nil {
			return err
		}
	}
	t.settle(ctx, time.Duration(2+t.rate/eventsAtOnce)*slowAnswer)
	v := t.conclude(ctx)
	t.result.note("%d pauses of %v, each before the loss of all connections", t.faults, shortPause)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("hosts that ended", float64(len(t.fleet.hosts)-len(t.fleet.running())), atMost(0))
	return nil
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
