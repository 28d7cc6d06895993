//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// stormSchedule are the waits between the attempts in a storm of retries.
const stormSchedule = "1s,1s,2s,2s,4s,4s,8s,8s"

// retryStorm lets all endpoints fail for a while.
func retryStorm(ctx context.Context, t *trial) error {
	var works atomic.Bool
	behave := func(delivery, int) (int, time.Duration) {
		if works.Load() {
			return http.StatusOK, 0
		}
		return http.StatusInternalServerError, 0
	}
	if err := t.setUp(ctx, 2, behave, "--retry-schedule="+stormSchedule); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := wait(ctx, t.during); err != nil {
		return err
	}
	works.Store(true)
	began := time.Now()
	stop()
	v := t.conclude(ctx)
	a, _ := t.receiver.requests("/a")
	b, _ := t.receiver.requests("/b")
	drained := time.Since(began)
	t.result.note("%d requests for %d deliveries; the last one %.1f s after the endpoints worked again", a+b, v.delivered, drained.Seconds())
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.within("time to drain", drained, maxLease)
	return nil
}

// soakEndpoints are the subscriptions of a soak. The last one is a bad endpoint: 5 %.
const soakEndpoints = 20

// soakLoad is the load of a soak, as a part of the measured one.
const soakLoad = 0.6

// soakDeadline ends the deliveries to the bad endpoint, so that they do not add up. A delivery to another endpoint that waits as long
// would count as lost, so it is longer than any delay that the scenario allows.
func (t *trial) soakDeadline() time.Duration { return max(15*time.Second, t.during/30) }

// soakChanges let the history of a soak end within the run: the product keeps an hour at least, and removes history
// once an hour.
var soakChanges = []change{
	{"config.go", "minRetention = time.Hour", "minRetention = time.Second"},
	{"hostexample/values.go", "time.Duration(*r) < time.Hour {", "time.Duration(*r) < time.Second {"},
	{"delivery/upkeep.go", "upkeepInterval = time.Hour", "upkeepInterval = 2 * time.Second"},
}

// soak delivers at a steady rate and watches the size of hosts and tables.
func soak(ctx context.Context, t *trial) error {
	retention := t.during / 6
	bad, err := t.setUpSoak(ctx, retention)
	if err != nil {
		return err
	}
	capacity, err := t.fullLoad(ctx, retention/2)
	if err != nil {
		return err
	}
	steady, began := t.publisher.next, time.Now() // the full load before it made a backlog
	stop := t.publisher.background(ctx, max(1, int(capacity*soakLoad)))
	defer t.publisher.abandon()
	t.result.note("%.0f events/s at full load, %.0f deliveries/s; %.0f %% of it for %v, kept for %v",
		capacity, capacity*soakEndpoints, 100*soakLoad, t.during, retention)
	sizes, err := t.watch(ctx)
	if err != nil {
		return err
	}
	stop()
	t.flat(sizes, retention)
	if err := t.fleet.unsubscribe(ctx, t.fleet.hosts[0], bad); err != nil {
		return err
	}
	v := t.conclude(ctx)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	_, delays := t.receiver.delays(t.paths, t.publisher.acknowledged(), steady)
	t.noteDelays(delays, began)
	return nil
}

// slowDelay is the delay from which the report says when it happened.
const slowDelay = time.Second

// noteDelays asserts the longest of the delays, and notes when the slow ones happened.
func (t *trial) noteDelays(delays []delay, began time.Time) {
	if len(delays) == 0 {
		return // all deliveries are lost, and counted
	}
	n := len(delays)
	t.within("longest time from acknowledgement to delivery", delays[n-1].took, maxResume)
	t.result.note("delays: 99 %% within %v, 99.99 %% within %v", delays[n*99/100].took, delays[n*9999/10000].took)
	slow := slices.DeleteFunc(delays, func(d delay) bool { return d.took < slowDelay })
	if len(slow) > 0 {
		earlier := func(a, b delay) int { return a.acknowledged.Compare(b.acknowledged) }
		t.result.note("%d delays were longer than %v, of events that were acknowledged %v to %v after the load began", len(slow), slowDelay,
			slices.MinFunc(slow, earlier).acknowledged.Sub(began), slices.MaxFunc(slow, earlier).acknowledged.Sub(began))
	}
}

// fullLoad returns how many events a second the hosts deliver at full load. It takes a while: in its first seconds a database writes no
// checkpoint and vacuums nothing, and so delivers more than it can later.
func (t *trial) fullLoad(ctx context.Context, while time.Duration) (perSecond float64, err error) {
	began, n := time.Now(), 0
	for ; time.Since(began) < while; n += t.rate {
		first := t.publisher.next
		t.publisher.count(ctx, t.rate)
		arrived := func() (bool, error) {
			return t.receiver.missing(t.paths, t.publisher.acknowledgedFrom(first)) == 0, nil
		}
		if err := poll(ctx, backlogPatience, arrived); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// setUpSoak starts hosts with a short retention, and returns the subscription of the bad endpoint.
func (t *trial) setUpSoak(ctx context.Context, retention time.Duration) (bad string, err error) {
	t.prunes = true
	build := hostBuild{dir: t.dir, name: "host-soak", changes: slices.Concat(soakChanges, t.changes)}
	if t.binary, err = build.run(ctx); err != nil {
		return "", err
	}
	if err := t.onPostgres(ctx); err != nil {
		return "", err
	}
	err = t.hosts(ctx, 2, "--retention="+retention.String(), "--deadline="+t.soakDeadline().String(), "--retry-schedule=1s,2s,4s")
	if err != nil {
		return "", err
	}
	var paths []string
	for i := range soakEndpoints - 1 {
		paths = append(paths, fmt.Sprintf("/good/%d", i))
	}
	behave := func(d delivery, _ int) (int, time.Duration) {
		if d.path == "/bad" {
			return http.StatusInternalServerError, 0
		}
		return http.StatusOK, 20 * time.Millisecond
	}
	if err := t.receive(ctx, behave, paths...); err != nil {
		return "", err
	}
	return t.fleet.subscribe(ctx, t.receiver.server.URL+"/bad")
}

// soakSize is the size of hosts and tables at a time.
type soakSize struct {
	usage
	queue, history float64 // MiB, with indexes
	oldest         float64 // age of the oldest event in seconds
}

// most returns the larger of each number.
func (s soakSize) most(o soakSize) soakSize {
	return soakSize{
		usage{max(s.memory, o.memory), max(s.goroutines, o.goroutines), max(s.descriptors, o.descriptors)},
		max(s.queue, o.queue), max(s.history, o.history), max(s.oldest, o.oldest),
	}
}

// soakQuarters is the number of parts of a soak. The largest sizes of the second part and of the last one are compared.
const (
	soakQuarters = 4
	soakSamples  = 5 // in a quarter
)

// watch returns the largest sizes in each quarter of the load.
func (t *trial) watch(ctx context.Context) (quarters [soakQuarters]soakSize, err error) {
	for i := range quarters {
		for range soakSamples {
			if err := wait(ctx, t.during/(soakQuarters*soakSamples)); err != nil {
				return quarters, err
			}
			size, err := t.soakSize(ctx)
			if err != nil {
				return quarters, err
			}
			quarters[i] = quarters[i].most(size)
		}
	}
	return quarters, nil
}

func (t *trial) soakSize(ctx context.Context) (size soakSize, err error) {
	for _, h := range t.fleet.hosts {
		u, err := t.usage(ctx, h)
		if err != nil {
			return size, err
		}
		size.memory += u.memory
		size.goroutines += u.goroutines
		size.descriptors += u.descriptors
	}
	err = t.db.QueryRowContext(ctx, `SELECT pg_total_relation_size('webhooks.queue') / 1048576.0,
  (SELECT sum(pg_total_relation_size(oid)) / 1048576.0 FROM pg_class
    WHERE relnamespace = 'webhooks'::regnamespace AND relkind = 'r' AND relname <> 'queue'),
  (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM webhooks.messages)`).
		Scan(&size.queue, &size.history, &size.oldest)
	return size, err
}

// flat asserts that hosts and tables are no larger in the last quarter than in the second one, and that old events went.
func (t *trial) flat(quarters [soakQuarters]soakSize, retention time.Duration) {
	before, after := quarters[1], quarters[soakQuarters-1]
	r := t.result
	r.note("at the end: memory %.0f MiB, %.0f goroutines, %.0f descriptors, queue %.0f MiB, history %.0f MiB",
		after.memory, after.goroutines, after.descriptors, after.queue, after.history)
	r.check("growth of memory in MiB", after.memory-before.memory, atMost(64))
	r.check("growth of goroutines", after.goroutines-before.goroutines, atMost(200+before.goroutines/4))
	r.check("growth of descriptors", after.descriptors-before.descriptors, atMost(200+before.descriptors/4))
	// The first vacuum comes after a minute: in the short form the queue grows with the rate.
	r.check("growth of the queue's table and indexes in MiB", after.queue-before.queue, atMost(16+before.queue/2))
	r.check("growth of all other tables in MiB", after.history-before.history, atMost(64+before.history/5))
	// An event stays while it has a delivery in the queue, and goes in the next upkeep after that.
	oldest := max(retention, t.soakDeadline()) + min(time.Minute, t.during/2)
	t.within("age of the oldest event", time.Duration(after.oldest*float64(time.Second)), oldest)
}
