//go:build unix

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the scenarios' own statements

	"github.com/ecg-api/webhooks/internal/pgserver"
)

// maxTakeOver bounds the time from the death of a host to the delivery of the attempts that it held.
const maxTakeOver = 5 * time.Second

// maxLease bounds the time from a fault to the delivery of the attempts of a host that is stopped, or that may be alive. They wait
// for the end of their leases, 40 s, and some time passes until the next claim.
const maxLease = 55 * time.Second

// maxResume bounds the time from the end of an outage to the next delivery.
const maxResume = 10 * time.Second

// settings of a trial.
type settings struct {
	size
	seed    uint64
	binary  string   // the host
	changes []change // of the source of the binary, for scenarios that build a host of their own
	slack   float64  // factor of bounds of time: more than 1 on a busy machine
}

// trial is one run of a scenario, with the programs that it started.
type trial struct {
	settings
	random *rand.Rand
	dir    string
	result *result
	prunes bool // the database does not keep all events

	fleet     *fleet
	receiver  *receiver
	publisher *publisher
	paths     []string // of the receiver that must get every event
	server    *pgserver.Cluster
	db        *sql.DB // past the proxies
	store     *url.URL

	mu      sync.Mutex
	outages []fault
	ends    []func()
	kills   map[string]int // by point
}

// onEnd has a function called at the end of the trial.
func (t *trial) onEnd(end func()) { t.ends = append(t.ends, end) }

// close ends everything that the trial started, the latest first.
func (t *trial) close() {
	for _, end := range slices.Backward(t.ends) {
		end()
	}
	t.ends = nil
}

// fault records an outage or, without an end, a death.
func (t *trial) fault(from, to time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outages = append(t.outages, fault{from, to})
}

// serverPatience bounds statements of the scenarios.
const serverPatience = 30 * time.Second

// onPostgres starts a PostgreSQL.
func (t *trial) onPostgres(ctx context.Context) error {
	bin, err := pgserver.Programs(ctx)
	if err != nil {
		return err
	}
	if t.server, err = pgserver.Start(ctx, bin, true); err != nil {
		return err
	}
	t.onEnd(func() {
		if err := t.server.Stop(); err != nil {
			t.result.note("PostgreSQL: %v", err)
		}
	})
	if t.store, err = url.Parse(t.server.DSN()); err != nil {
		return err
	}
	if t.db, err = sql.Open("pgx", t.store.String()); err != nil {
		return err
	}
	t.onEnd(func() { _ = t.db.Close() })
	return nil
}

// hosts starts hosts on the store, with further arguments.
func (t *trial) hosts(ctx context.Context, n int, arguments ...string) error {
	var added []*host
	for range n {
		h, err := t.newHost(ctx, t.store, arguments...)
		if err != nil {
			return err
		}
		added = append(added, h)
	}
	if err := startAll(ctx, added); err != nil {
		return err
	}
	t.fleet.hosts = append(t.fleet.hosts, added...)
	var err error
	t.fleet.token, err = t.fleet.hosts[0].token(ctx)
	return err
}

// startAll starts hosts at the same time.
func startAll(ctx context.Context, hosts []*host) error {
	errs := make([]error, len(hosts))
	var starts sync.WaitGroup
	for i, h := range hosts {
		starts.Go(func() { errs[i] = h.start(ctx) })
	}
	starts.Wait()
	return errors.Join(errs...)
}

// newHost returns a host that does not run, with a proxy of its own where the store is PostgreSQL. It is killed
// at the end of the trial.
func (t *trial) newHost(ctx context.Context, store *url.URL, arguments ...string) (*host, error) {
	h := &host{}
	if store.Scheme == "postgres" {
		p, err := newProxy(ctx, store.Host)
		if err != nil {
			return nil, err
		}
		t.onEnd(p.close)
		h.proxy = p
		through := *store
		through.Host = p.listener.Addr().String()
		store = &through
	}
	h.hostOptions = hostOptions{t.binary, t.dir, []string{"WEBHOOKS_STORE=" + store.String()}, arguments}
	t.onEnd(h.kill)
	return h, nil
}

// receive starts a receiver, and subscribes its paths to the events.
func (t *trial) receive(ctx context.Context, behave behaviour, paths ...string) error {
	t.receiver, t.paths = newReceiver(behave), paths
	t.onEnd(func() {
		t.receiver.server.CloseClientConnections()
		t.receiver.server.Close()
	})
	for _, path := range paths {
		if _, err := t.fleet.subscribe(ctx, t.receiver.server.URL+path); err != nil {
			return err
		}
	}
	return nil
}

// setUp is the usual beginning: PostgreSQL, hosts, and a receiver with two subscriptions.
func (t *trial) setUp(ctx context.Context, hosts int, behave behaviour, arguments ...string) error {
	if err := t.onPostgres(ctx); err != nil {
		return err
	}
	if err := t.hosts(ctx, hosts, arguments...); err != nil {
		return err
	}
	return t.receive(ctx, behave, "/a", "/b")
}

// queued returns the number of attempts in the queue.
func (t *trial) queued(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	err = t.db.QueryRowContext(ctx, `SELECT count(*) FROM `+t.table("queue")).Scan(&n)
	return n, err
}

// table returns the name of a table of the store: SQLite has the schema as a prefix.
func (t *trial) table(name string) string {
	if t.server == nil {
		return "webhooks_" + name
	}
	return "webhooks." + name
}

// poll asks every 50 ms until a condition holds.
func poll(ctx context.Context, limit time.Duration, holds func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		held, err := holds()
		if held && err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not within %v", limit), err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle waits until no attempt is queued or in flight: from then on nothing can arrive.
func (t *trial) settle(ctx context.Context, limit time.Duration) {
	err := poll(ctx, limit, func() (bool, error) {
		n, err := t.queued(ctx)
		return n == 0 && t.receiver.pending() == 0, err
	})
	if err != nil {
		n, _ := t.queued(ctx)
		t.result.fail(fmt.Errorf("%d attempts are still queued, %d in flight: %w", n, t.receiver.pending(), err))
		t.noteQueue(ctx)
	}
}

// noteQueue notes the state of the queued attempts on PostgreSQL, so that a failure can be understood.
func (t *trial) noteQueue(ctx context.Context) {
	if t.server == nil {
		return
	}
	var state sql.NullString
	err := t.db.QueryRowContext(ctx, `SELECT string_agg(line, '; ') FROM (
  SELECT format('%s (deleted %s): %s sending=%s held=%s due in %s to %s', s.post_uri, s.deleted_at, count(*), q.sending, q.held,
    min(q.due_at) - now(), max(q.due_at) - now()) AS line
  FROM webhooks.queue AS q LEFT JOIN webhooks.subscriptions AS s ON s.id = q.subscription_id
  GROUP BY s.post_uri, s.deleted_at, q.sending, q.held) AS lines`).Scan(&state)
	t.result.note("queued: %s %v", state.String, err)
}

// conclude settles, compares the ledgers and asserts the promises of all scenarios.
func (t *trial) conclude(ctx context.Context) verdict {
	t.settle(ctx, maxLease+30*time.Second)
	acknowledged := t.publisher.acknowledged()
	v := t.receiver.judge(t.paths, acknowledged, t.outages)
	r := t.result
	r.Acknowledged, r.Delivered, r.Lost, r.Duplicated = len(acknowledged), v.delivered, v.lost, v.duplicated
	r.Faults, r.InFlight, r.TakeOver = len(t.outages), v.inFlight, v.takeOver.Seconds()
	r.check("events without an acknowledgement", float64(t.publisher.unacknowledged()), atMost(0))
	r.check("lost", float64(v.lost), atMost(0))
	r.check("duplicates that no fault explains", float64(v.unexplained), atMost(0))
	for _, example := range v.examples {
		r.note("%s", example)
	}
	r.check("deliveries whose body changed", float64(v.altered), atMost(0))
	r.check("events with two webhook-ids", float64(v.twice), atMost(0))
	if ctx.Err() == nil && !t.prunes {
		t.checkStored(ctx, len(acknowledged))
	}
	return v
}

// within asserts that something took no longer than a limit.
func (t *trial) within(name string, took, limit time.Duration) {
	t.result.check(name+" in seconds", took.Seconds(), atMost(limit.Seconds()*t.slack))
}

// checkStored asserts that every acknowledged event is in the database once.
func (t *trial) checkStored(ctx context.Context, acknowledged int) {
	var stored int
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	if err := t.db.QueryRowContext(ctx, `SELECT count(*) FROM `+t.table("messages")).Scan(&stored); err != nil {
		t.result.fail(err)
		return
	}
	t.result.check("stored events beyond the acknowledged ones", float64(stored-acknowledged), exactly(0))
}

// limit bounds a trial, so that a deadlock ends as a failure.
func (s settings) limit() time.Duration { return 3*s.takes + 5*time.Minute }

// try runs a scenario and returns its result.
func try(ctx context.Context, s scenario, with settings) *result {
	r := &result{Scenario: s.name, About: s.about, Seed: with.seed}
	began := time.Now()
	dir, err := os.MkdirTemp("", "chaos-"+s.name+"-")
	if err != nil {
		r.fail(err)
		return r
	}
	t := &trial{settings: with, random: s.random(with.seed), dir: dir, result: r, fleet: newFleet(), kills: map[string]int{}}
	t.publisher = newPublisher(t.fleet)
	limited, cancel := context.WithTimeoutCause(ctx, with.limit(), fmt.Errorf("the scenario did not end within %v", with.limit()))
	defer cancel()
	if err := s.run(limited, t); err != nil {
		r.fail(err)
	}
	if limited.Err() != nil {
		r.fail(context.Cause(limited))
	}
	for i, h := range t.fleet.hosts {
		if p := h.current(); p != nil && !r.passed() && p.stderr.String() != "" {
			r.note("host %d said: %s", i+1, p.stderr)
		}
	}
	t.close()
	r.fail(os.RemoveAll(dir))
	r.Seconds = time.Since(began).Seconds()
	return r
}
