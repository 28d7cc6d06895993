//go:build unix

package main

import (
	"context"
	"math"
	"slices"
	"time"
)

// flow is the deliveries of a span of time.
type flow struct {
	rate float64       // a second
	p99  time.Duration // from acknowledgement to arrival
}

// measure publishes at the trial's rate for a while and returns the flow.
func (t *trial) measure(ctx context.Context) (flow, error) {
	from, n := t.publisher.next, int(float64(t.rate)*t.during.Seconds())
	began := time.Now()
	t.publisher.load(ctx, n, t.rate)
	arrived := func() (bool, error) {
		return t.receiver.missing(t.paths, t.publisher.acknowledged()) == 0, nil
	}
	if err := poll(ctx, t.during+serverPatience, arrived); err != nil {
		return flow{}, err
	}
	last, delays := t.receiver.delays(t.paths, t.publisher.acknowledged(), from)
	slices.Sort(delays)
	return flow{float64(len(delays)) / last.Sub(began).Seconds(), delays[len(delays)*99/100]}, ctx.Err()
}

// delays returns the times from acknowledgement to arrival of the events from a number on, and the last arrival.
func (l *ledger) delays(paths []string, acknowledged map[int]acknowledgement, from int) (last time.Time, delays []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, ack := range acknowledged {
		if number < from {
			continue
		}
		for _, path := range paths {
			at := l.arrivals[delivery{path, ack.id}][0].at
			delays = append(delays, max(0, at.Sub(ack.at)))
			if at.After(last) {
				last = at
			}
		}
	}
	return last, delays
}

// idleFloor is the delay that is short enough whatever it was without the open transaction: on a busy machine a
// 99th percentile of a few milliseconds doubles by chance.
const idleFloor = 250 * time.Millisecond

// idleInTx compares the flow beside a transaction that stays open with the flow without it. One host publishes,
// another one delivers.
func idleInTx(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 1, slow(0), "--api"); err != nil {
		return err
	}
	publishing := t.fleet.hosts
	if err := t.hosts(ctx, 1); err != nil {
		return err
	}
	t.fleet.hosts = publishing
	without, err := t.measure(ctx)
	if err != nil {
		return err
	}
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM webhooks.queue`); err != nil {
		return err
	}
	beside, err := t.measure(ctx)
	if err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	v := t.conclude(ctx)
	t.result.note("without the open transaction %.0f deliveries/s, p99 %v; with it %.0f deliveries/s, p99 %v",
		without.rate, without.p99.Round(time.Millisecond), beside.rate, beside.p99.Round(time.Millisecond))
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("rate with the open transaction / without", beside.rate/without.rate, atLeast(0.8))
	t.result.check("p99 with the open transaction in ms", float64(beside.p99.Milliseconds()),
		atMost(math.Max(2*float64(without.p99.Milliseconds()), float64(idleFloor.Milliseconds()))))
	return nil
}
