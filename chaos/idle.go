//go:build unix

package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/internal/pgserver"
)

// flow is the deliveries of a span of time.
type flow struct {
	rate float64       // a second
	p99  time.Duration // from acknowledgement to arrival
}

// measure publishes at the trial's rate for a while and returns the flow.
func (t *trial) measure(ctx context.Context, during time.Duration) (flow, error) {
	from, n := t.publisher.next, int(float64(t.rate)*during.Seconds())
	began := time.Now()
	t.publisher.load(ctx, n, t.rate)
	t.settle(ctx, during+serverPatience)
	last, delays := t.receiver.delays(t.paths, t.publisher.acknowledged(), from)
	return flow{float64(len(delays)) / last.Sub(began).Seconds(), delays[len(delays)*99/100].took}, ctx.Err()
}

// delay is the time from the acknowledgement of an event to the arrival of a delivery.
type delay struct {
	acknowledged time.Time
	took         time.Duration
}

// delays returns the delays of the events from a number on, the shortest one first, and the last arrival.
func (l *ledger) delays(paths []string, acknowledged map[int]acknowledgement, from int) (last time.Time, delays []delay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, ack := range acknowledged {
		if number < from {
			continue
		}
		for _, path := range paths {
			all := l.arrivals[delivery{path, ack.id}]
			if len(all) == 0 {
				continue // it is counted as lost
			}
			at := all[0].at
			delays = append(delays, delay{ack.at, max(0, at.Sub(ack.at))})
			if at.After(last) {
				last = at
			}
		}
	}
	slices.SortFunc(delays, func(a, b delay) int { return cmp.Compare(a.took, b.took) })
	return last, delays
}

// idleFloor is the delay that is short enough whatever it was without the open transaction: on a busy machine a
// 99th percentile of a few milliseconds doubles by chance.
const idleFloor = 250 * time.Millisecond

// leastUndisturbed is the time without a disturbance that a comparison takes at the least. It takes a tenth of the disturbed time.
const leastUndisturbed = 6 * time.Second

// compare compares the flow beside a disturbance with the flow without it. One host publishes, another one delivers.
func (t *trial) compare(ctx context.Context, disturb func() (end func() error, err error)) error {
	if err := t.onPostgres(ctx); err != nil {
		return err
	}
	if err := t.hosts(ctx, 1, "--api"); err != nil {
		return err
	}
	if err := t.receive(ctx, slow(0), "/a"); err != nil {
		return err
	}
	publishing := t.fleet.hosts
	if err := t.hosts(ctx, 1); err != nil {
		return err
	}
	t.fleet.hosts = publishing
	without, err := t.measure(ctx, max(t.during/10, leastUndisturbed))
	if err != nil {
		return err
	}
	end, err := disturb()
	if err != nil {
		return err
	}
	beside, err := t.measure(ctx, t.during)
	if err := errors.Join(err, end()); err != nil {
		return err
	}
	v := t.conclude(ctx)
	t.result.note("undisturbed %.0f deliveries/s, p99 %v; disturbed %.0f deliveries/s, p99 %v",
		without.rate, without.p99.Round(time.Millisecond), beside.rate, beside.p99.Round(time.Millisecond))
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("disturbed rate / undisturbed rate", beside.rate/without.rate, atLeast(0.8))
	t.result.check("disturbed p99 in ms", float64(beside.p99.Milliseconds()),
		atMost(math.Max(2*float64(without.p99.Milliseconds()), float64(idleFloor.Milliseconds()))))
	return nil
}

// idleInTx disturbs by a transaction that stays open.
func idleInTx(ctx context.Context, t *trial) error {
	return t.compare(ctx, func() (end func() error, err error) {
		tx, err := t.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		if err != nil {
			return nil, err
		}
		var n int // the first statement takes the snapshot
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM webhooks.queue`).Scan(&n); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
		return tx.Rollback, nil
	})
}

// The readers that disturb: sessions with reports that read the history again and again in one transaction, and a dump after
// the other, with a pause after each.
const (
	reporters   = 2
	reportReads = 100
	readPause   = 3 * time.Second
)

// activeReaders disturbs by reports and dumps.
func activeReaders(ctx context.Context, t *trial) error {
	var reads, dumps atomic.Int64
	err := t.compare(ctx, func() (end func() error, err error) {
		reading, cancel := context.WithCancel(ctx)
		bin, err := pgserver.Programs(ctx)
		if err != nil {
			cancel()
			return nil, err
		}
		errs := make([]error, reporters+1)
		var readers sync.WaitGroup
		for i := range reporters {
			readers.Go(func() { errs[i] = t.repeat(reading, func(ctx context.Context) error { return t.report(ctx, &reads) }) })
		}
		readers.Go(func() {
			errs[reporters] = t.repeat(reading, func(ctx context.Context) error {
				_, err := output(ctx, filepath.Join(bin, "pg_dump"), "--file=/dev/null", t.store.String())
				dumps.Add(1)
				return err
			})
		})
		return func() error {
			cancel()
			readers.Wait()
			return errors.Join(errs...)
		}, nil
	})
	t.result.note("%d reports read the whole history %d times, and %d dumps", reporters, reads.Load(), dumps.Load())
	return err
}

// repeat repeats a reading until ctx ends.
func (t *trial) repeat(ctx context.Context, read func(context.Context) error) error {
	for {
		err := read(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end cut the reading off
		}
		if err != nil {
			return err
		}
		_ = wait(ctx, readPause)
	}
}

// report reads the whole history several times in one transaction.
func (t *trial) report(ctx context.Context, reads *atomic.Int64) error {
	tx, err := t.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for range reportReads {
		var n, size sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT count(*), sum(length(m.body)) FROM webhooks.attempts AS a
JOIN webhooks.messages AS m ON m.id = a.message_id`).Scan(&n, &size)
		if err != nil {
			return err
		}
		reads.Add(1)
		if err := wait(ctx, readPause); err != nil {
			return err
		}
	}
	return nil
}
