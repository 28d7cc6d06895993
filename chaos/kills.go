//go:build unix

package main

import (
	"context"
	"strings"
	"syscall"
	"time"
)

// minInFlight is the least number of requests in flight at which a host is killed.
const minInFlight = 20

// answerTime of the receiver keeps requests in flight.
const answerTime = 250 * time.Millisecond

// wait waits for a time, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// between returns a random time.
func (t *trial) between(least, most time.Duration) time.Duration {
	return least + time.Duration(t.random.Int64N(int64(most-least)))
}

// busy waits until enough requests are in flight.
func (t *trial) busy(ctx context.Context) error {
	return poll(ctx, serverPatience, func() (bool, error) { return t.receiver.pending() >= minInFlight, nil })
}

// killNow kills a host, and records the death.
func (t *trial) killNow(h *host) {
	began := time.Now()
	h.kill()
	t.fault(began, time.Now())
}

// killPoint is a statement at which a host is killed.
type killPoint struct {
	name   string
	marker string // a part of the statement
	commit bool   // at the COMMIT of a transaction with the statement, not at the statement
	action cutAction
}

// killPoints are the places between the steps of a delivery.
var killPoints = []killPoint{
	{"after the claim", "WITH picked AS", false, cutAtReply},
	{"during the record", "held AS (", false, cutAtReply},
	{"before the record", "held AS (", false, cutBefore},
	{"between the message and the fan-out", "idempotency_keys AS k (", false, cutAtOnce},
	{"at the COMMIT of a publish", "idempotency_keys AS k (", true, cutAtReply},
}

// reached reports whether a host sends the statement of the point.
func (k killPoint) reached(statement string, committed []string) bool {
	if k.commit {
		statement = strings.Join(committed, "\n")
	}
	return strings.Contains(statement, k.marker)
}

// killAt kills a host at a point, or after a while if the host does not reach it.
func (t *trial) killAt(ctx context.Context, h *host, k killPoint) error {
	at := make(chan struct{}, 1)
	h.proxy.setCut(func(statement string, committed []string) cutAction {
		if !k.reached(statement, committed) {
			return forward
		}
		select {
		case at <- struct{}{}:
			return k.action
		default:
			return cutBefore // the host is about to be killed
		}
	})
	defer h.proxy.setCut(nil)
	select {
	case <-at:
		t.kills[k.name]++
	case <-time.After(5 * time.Second):
		t.result.note("a host was killed without reaching the point %q", k.name)
	case <-ctx.Done():
		return ctx.Err()
	}
	t.killNow(h)
	return nil
}

// noHost waits until the condition, in SQL, is true of no host that lives.
func (t *trial) noHost(ctx context.Context, condition string) error {
	return poll(ctx, serverPatience, func() (bool, error) {
		var n int
		err := t.db.QueryRowContext(ctx, `SELECT count(*) FROM webhooks.hosts WHERE NOT dead AND `+condition).Scan(&n)
		return n == 0, err
	})
}

// crashRecovery kills hosts exactly at the points of a delivery, and waits until the other hosts have taken over.
func crashRecovery(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 3, slow(answerTime)); err != nil {
		return err
	}
	first := t.random.IntN(len(killPoints))
	for i := range t.faults {
		if err := t.noHost(ctx, "NOT locked"); err != nil { // a host takes its lock a moment after its start
			return err
		}
		stop := t.publisher.background(ctx, t.rate)
		defer t.publisher.abandon()
		if err := t.busy(ctx); err != nil {
			return err
		}
		h := t.fleet.hosts[t.random.IntN(len(t.fleet.hosts))]
		if err := t.killAt(ctx, h, killPoints[(first+i)%len(killPoints)]); err != nil {
			return err
		}
		if err := wait(ctx, t.during/2); err != nil {
			return err
		}
		stop()
		t.settle(ctx, maxLease+serverPatience)
		if err := h.start(ctx); err != nil {
			return err
		}
	}
	v := t.conclude(ctx)
	t.within("longest take-over", v.takeOver, maxTakeOver)
	t.noteKills()
	return nil
}

// noteKills notes how many hosts were killed at each point.
func (t *trial) noteKills() {
	for _, k := range killPoints {
		t.result.note("%d hosts were killed %s", t.kills[k.name], k.name)
	}
}

// maxUnlockedTakeOver bounds the take-over from a host without a lock.
const maxUnlockedTakeOver = 20 * time.Second

// crashWithoutLock kills hosts that have no session to hold a lock on, as behind a transaction pooler: the proxies cut
// each connection that asks for the lock.
func crashWithoutLock(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 3, slow(answerTime)); err != nil {
		return err
	}
	for _, h := range t.fleet.hosts {
		h.proxy.setCut(func(statement string, _ []string) cutAction {
			if strings.Contains(statement, "pg_try_advisory_lock") {
				return cutBefore
			}
			return forward
		})
		h.proxy.cutAll()
	}
	for range t.faults {
		if err := t.killUnlocked(ctx); err != nil {
			return err
		}
	}
	v := t.conclude(ctx)
	t.within("longest take-over", v.takeOver, maxUnlockedTakeOver)
	return nil
}

// killUnlocked kills a host once no host has a lock.
func (t *trial) killUnlocked(ctx context.Context) error {
	if err := t.noHost(ctx, "locked"); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := t.busy(ctx); err != nil {
		return err
	}
	h := t.fleet.hosts[t.random.IntN(len(t.fleet.hosts))]
	t.killNow(h)
	if err := wait(ctx, time.Second); err != nil {
		return err
	}
	stop()
	t.settle(ctx, maxLease+serverPatience)
	return h.start(ctx)
}

// repeatedTakeOvers is how many take-overs a delivery may wait for where hosts are killed all the time: the hosts that take it over die
// as well, each with a chance of about a tenth. So with 20,000 deliveries one waits for four or five. It is less than a lease.
const repeatedTakeOvers = 7

// noteWaits notes how long deliveries waited behind a kill.
func (t *trial) noteWaits(v verdict) {
	for n := range repeatedTakeOvers {
		longer := 0
		for _, wait := range v.waits {
			if wait > time.Duration(n)*maxTakeOver {
				longer++
			}
		}
		t.result.note("%d deliveries came more than %v after a kill", longer, time.Duration(n)*maxTakeOver)
	}
}

// repeatedKills kills random hosts, half of them at a point of a delivery, and starts them again.
func repeatedKills(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 3, slow(answerTime)); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	least := minInFlight
	for range t.faults {
		h := t.fleet.hosts[t.random.IntN(len(t.fleet.hosts))]
		point, exact, pause := killPoints[t.random.IntN(len(killPoints))], t.random.IntN(2) == 0, t.between(0, time.Second/2)
		if err := wait(ctx, pause); err != nil {
			return err
		}
		if err := t.busy(ctx); err != nil {
			return err
		}
		least = min(least, t.receiver.pending())
		if exact {
			if err := t.killAt(ctx, h, point); err != nil {
				return err
			}
		} else {
			t.killNow(h)
		}
		if err := h.start(ctx); err != nil {
			return err
		}
	}
	stop()
	v := t.conclude(ctx)
	t.within("longest take-over", v.takeOver, repeatedTakeOvers*maxTakeOver)
	t.noteWaits(v)
	t.result.note("at least %d requests were in flight at each kill", least)
	t.noteKills()
	return nil
}

// gracefulDrain is the drain time-out of the hosts that end by SIGTERM.
const gracefulDrain = 2 * time.Second

// gracefulRestart ends hosts in order while one of the receivers hangs.
func gracefulRestart(ctx context.Context, t *trial) error {
	hang := make(chan struct{})
	behave := func(d delivery, _ int) (int, time.Duration) {
		if d.path == "/hang" {
			select {
			case <-hang:
			default:
				return 200, forever
			}
		}
		return 200, answerTime / 5
	}
	if err := t.setUp(ctx, 2, behave, "--drain-timeout="+gracefulDrain.String(), "--timeout=15s"); err != nil {
		return err
	}
	hanging, err := t.fleet.subscribe(ctx, t.receiver.server.URL+"/hang")
	if err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := t.restartInOrder(ctx); err != nil {
		return err
	}
	stop()
	if err := t.secondSignal(ctx); err != nil {
		return err
	}
	close(hang)
	if err := t.fleet.unsubscribe(ctx, t.fleet.hosts[1], hanging); err != nil {
		return err
	}
	v := t.conclude(ctx)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	return nil
}

// restartInOrder ends the hosts in turn by SIGTERM, and starts them again.
func (t *trial) restartInOrder(ctx context.Context) error {
	slowest, failed := time.Duration(0), 0
	for i := range t.faults {
		if err := wait(ctx, t.between(time.Second/2, 3*time.Second/2)); err != nil {
			return err
		}
		h := t.fleet.hosts[i%2]
		began := time.Now()
		h.signal(syscall.SIGTERM)
		code, err := h.await(serverPatience)
		if err != nil {
			return err
		}
		slowest = max(slowest, time.Since(began))
		if code != 0 {
			failed++
		}
		if err := h.start(ctx); err != nil {
			return err
		}
	}
	t.within("longest end", slowest, gracefulDrain+2*time.Second)
	t.result.check("exit codes other than 0", float64(failed), atMost(0))
	return nil
}

// secondSignal asserts that a second SIGTERM ends a host at once, while a receiver hangs and the drain would take long.
func (t *trial) secondSignal(ctx context.Context) error {
	h := t.fleet.hosts[0]
	h.signal(syscall.SIGTERM)
	if _, err := h.await(serverPatience); err != nil {
		return err
	}
	h.arguments = []string{"--drain-timeout=" + serverPatience.String()}
	if err := h.start(ctx); err != nil {
		return err
	}
	t.publisher.count(ctx, minInFlight)
	// Only requests to the receiver that hangs are in flight: the death of the host duplicates nothing.
	idle := func() (bool, error) { n, err := t.openOn(ctx, "/hang"); return n == 0, err }
	if err := poll(ctx, serverPatience, idle); err != nil {
		return err
	}
	h.signal(syscall.SIGTERM)
	// The host catches the first signal, and closes its listener when it has.
	closed := func() (bool, error) {
		_, _, err := t.fleet.call(ctx, h, "GET", "/healthcheck", nil)
		return err != nil, nil
	}
	if err := poll(ctx, serverPatience, closed); err != nil {
		return err
	}
	began := time.Now()
	h.signal(syscall.SIGTERM)
	if _, err := h.await(serverPatience); err != nil {
		return err
	}
	t.within("end after the second signal", time.Since(began), time.Second)
	return nil
}

// openOn returns the number of queued attempts beside those to a path.
func (t *trial) openOn(ctx context.Context, except string) (n int, err error) {
	err = t.db.QueryRowContext(ctx, `SELECT count(*) FROM webhooks.queue AS q JOIN webhooks.subscriptions AS s ON s.id = q.subscription_id
WHERE s.post_uri NOT LIKE '%' || $1`, except).Scan(&n)
	return n, err
}
