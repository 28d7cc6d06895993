//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// outage is a fault of the database: begin ends when the database works again.
func (t *trial) outage(ctx context.Context, slowest *time.Duration, begin func() error) error {
	from := time.Now()
	err := begin()
	to := time.Now()
	t.fault(from, to)
	if err != nil {
		return err
	}
	err = poll(ctx, maxResume+serverPatience, func() (bool, error) { return !t.receiver.since(to).IsZero(), nil })
	if err == nil {
		*slowest = max(*slowest, t.receiver.since(to).Sub(to))
	}
	return err
}

// resumed asserts that deliveries went on soon after each outage, and that no host ended.
func (t *trial) resumed(slowest time.Duration) {
	t.within("longest time to resume", slowest, maxResume)
	t.result.check("hosts that ended", float64(len(t.fleet.hosts)-len(t.fleet.running())), atMost(0))
}

func postgresRestart(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 3, slow(answerTime)); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	slowest := time.Duration(0)
	for range t.faults {
		if err := wait(ctx, t.between(2*time.Second, 4*time.Second)); err != nil {
			return err
		}
		if err := t.outage(ctx, &slowest, func() error { return t.server.Restart(ctx) }); err != nil {
			return err
		}
	}
	stop()
	t.conclude(ctx)
	t.resumed(slowest)
	return nil
}

// terminateBackends ends all connections but the caller's.
const terminateBackends = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`

func backendKill(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 3, slow(answerTime)); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	slowest, ended := time.Duration(0), 0
	for range t.faults {
		if err := wait(ctx, 2*time.Second); err != nil {
			return err
		}
		err := t.outage(ctx, &slowest, func() error {
			var n int
			defer func() { ended += n }()
			return t.db.QueryRowContext(ctx, terminateBackends).Scan(&n)
		})
		if err != nil {
			return err
		}
	}
	stop()
	t.conclude(ctx)
	t.resumed(slowest)
	t.result.note("%d connections were terminated", ended)
	return nil
}

func readOnly(ctx context.Context, t *trial) error {
	return t.unwritable(ctx, func(last func(settled time.Duration) error) error {
		if err := t.setReadOnly(ctx, "on"); err != nil {
			return err
		}
		err := last(t.during / 2) // by then all sessions have read the setting
		return errors.Join(err, t.setReadOnly(ctx, "off"))
	})
}

// unwritable runs a fault under load, during which nothing can be written. It asserts that publishes are refused meanwhile and
// that all goes on afterwards. The fault calls last while it is in force: it waits for the time of the scenario. After the
// settled part of that time no publish may be acknowledged.
func (t *trial) unwritable(ctx context.Context, fault func(last func(settled time.Duration) error) error) error {
	// Publishes wait for the end of a short outage: the time-out must be shorter than this one.
	if err := t.setUp(ctx, 2, slow(answerTime), "--store-timeout=2s"); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	slowest := time.Duration(0)
	var from, to time.Time
	err := t.outage(ctx, &slowest, func() error {
		return fault(func(settled time.Duration) error {
			from = time.Now().Add(settled)
			err := wait(ctx, t.during)
			to = time.Now()
			return err
		})
	})
	if err != nil {
		return err
	}
	stop()
	t.conclude(ctx)
	t.resumed(slowest)
	t.refusedBetween(from, to)
	return nil
}

// refusedBetween asserts that no event was acknowledged while nothing could be written, and that publishes were refused.
func (t *trial) refusedBetween(from, to time.Time) {
	false202 := 0
	for _, ack := range t.publisher.acknowledged() {
		if ack.at.After(from) && ack.at.Before(to) {
			false202++
		}
	}
	t.result.check("acknowledgements while nothing could be written", float64(false202), atMost(0))
	t.result.check("publishes refused while nothing could be written", float64(t.publisher.refusals()), atLeast(1))
}

func (t *trial) setReadOnly(ctx context.Context, value string) error {
	for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
		if _, err := t.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// commitCut cuts connections at the COMMIT of a publish: before it was sent, after that, or after it was carried out.
func commitCut(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 2, slow(answerTime/5)); err != nil {
		return err
	}
	cuts := &commitCuts{random: t.random}
	for _, h := range t.fleet.hosts {
		h.proxy.setCut(cuts.decide)
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	enough := func() (bool, error) { return cuts.made() >= t.faults, nil }
	if err := poll(ctx, time.Minute+time.Duration(t.faults)*time.Second, enough); err != nil {
		return fmt.Errorf("the COMMITs of publishes: %w", err)
	}
	for _, h := range t.fleet.hosts {
		h.proxy.setCut(nil)
	}
	stop()
	v := t.conclude(ctx)
	t.result.Faults = cuts.made()
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.within("longest time from acknowledgement to delivery", v.slowest, maxResume)
	t.result.check("publishes without an answer from the database", float64(t.publisher.refusals()), atLeast(1))
	return nil
}

// commitCuts cut every second COMMIT of a publish, in one of three ways.
type commitCuts struct {
	mu     sync.Mutex
	random *rand.Rand
	n      int
}

func (c *commitCuts) decide(_ string, committed []string) cutAction {
	publish := killPoint{marker: "idempotency_keys AS k (", commit: true}
	if !publish.reached("", committed) {
		return forward
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	actions := []cutAction{cutAtOnce, cutAtReply, cutBefore, forward, forward, forward}
	action := actions[c.random.IntN(len(actions))]
	if action != forward {
		c.n++
	}
	return action
}

func (c *commitCuts) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// holeTimeout is the hosts' store time-out in a black hole.
const holeTimeout = 3 * time.Second

func blackHole(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 1, slow(answerTime), "--store-timeout="+holeTimeout.String()); err != nil {
		return err
	}
	h := t.fleet.hosts[0]
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	before, err := t.usage(ctx, h)
	if err != nil {
		return err
	}
	slowest, most := time.Duration(0), usage{}
	err = t.outage(ctx, &slowest, func() error {
		defer h.proxy.slowDown(0)
		defer h.proxy.blackHole(false)
		h.proxy.slowDown(500 * time.Millisecond)
		if err := wait(ctx, t.during); err != nil {
			return err
		}
		h.proxy.blackHole(true)
		t.publisher.forgetSlowest()
		err := wait(ctx, t.during)
		most, _ = t.usage(ctx, h)
		return err
	})
	if err != nil {
		return err
	}
	slowestAnswer := t.publisher.slowestAnswer()
	t.within("slowest answer in the black hole", slowestAnswer, holeTimeout+3*time.Second)
	stop()
	t.conclude(ctx)
	t.resumed(slowest)
	t.result.check("growth of memory in MiB", most.memory-before.memory, atMost(128))
	t.result.check("goroutines in the black hole", most.goroutines, atMost(before.goroutines+3*float64(t.publisher.batch)+1000))
	return nil
}

// usage is what a host takes of its machine.
type usage struct{ memory, goroutines, descriptors float64 }

// usage reads the host's own metrics.
func (t *trial) usage(ctx context.Context, h *host) (u usage, err error) {
	status, text, err := t.fleet.call(ctx, h, http.MethodGet, "/metrics", nil)
	if err != nil || status != http.StatusOK {
		return u, fmt.Errorf("metrics: %d %w", status, err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, _ := strconv.ParseFloat(value, 64) // zero for text
		switch name {
		case "process_resident_memory_bytes":
			u.memory = number / (1 << 20)
		case "go_goroutines":
			u.goroutines = number
		case "process_open_fds":
			u.descriptors = number
		}
	}
	return u, nil
}

// poolPublishers share the five connections of a host.
const poolPublishers = 500

func poolExhaustion(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 1, slow(0), "--pool-size=5"); err != nil {
		return err
	}
	t.publisher.batch = poolPublishers
	began := time.Now()
	t.publisher.count(ctx, t.rate)
	t.result.note("%d events from %d publishers in %.1f s, %d requests refused",
		t.rate, poolPublishers, time.Since(began).Seconds(), t.publisher.refusals())
	t.within("slowest answer", t.publisher.slowestAnswer(), requestTimeout)
	v := t.conclude(ctx)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	return nil
}
