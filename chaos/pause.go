//go:build unix

package main

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// pausedEvents are in flight at the host that is stopped. They are few: a host sends only a few requests at once to an
// endpoint that it does not know.
const pausedEvents = 3

// lateResults is the time that the host which goes on has for its late results, before the other host gets answers.
const lateResults = 3 * time.Second

// gates hold back the answers to the first and to the second requests of the deliveries of a round.
type gates struct {
	mu            sync.Mutex
	first, second chan struct{}
}

// shut begins a round.
func (g *gates) shut() (openFirst, openSecond func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first, second := make(chan struct{}), make(chan struct{})
	g.first, g.second = first, second
	return sync.OnceFunc(func() { close(first) }), sync.OnceFunc(func() { close(second) })
}

// behave lets the first request of a delivery fail and the second one succeed, once their gates are open.
func (g *gates) behave(_ delivery, nth int) (int, time.Duration) {
	g.mu.Lock()
	first, second := g.first, g.second
	g.mu.Unlock()
	if nth == 1 {
		<-first
		return http.StatusInternalServerError, 0
	}
	<-second
	return http.StatusOK, 0
}

// pause stops a host while it waits for answers. Its requests fail, but another host sends the same attempts when it
// goes on and learns of the failures: the late results must not end the attempts of the other host, nor add retries.
func pause(ctx context.Context, t *trial) error {
	g := &gates{}
	if err := t.setUp(ctx, 1, g.behave, "--retry-schedule=1s,1s"); err != nil {
		return err
	}
	t.publisher.batch = pausedEvents
	for range t.faults {
		if err := t.pauseOnce(ctx, g); err != nil {
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
	t.within("longest take-over", v.takeOver, maxLease)
	return nil
}

// pauseOnce lets the only host send, stops it, starts another one, and lets the first go on at the end.
func (t *trial) pauseOnce(ctx context.Context, g *gates) error {
	openFirst, openSecond := g.shut()
	defer openFirst()
	defer openSecond()
	stopped := t.fleet.hosts[0]
	_, before := t.receiver.requests("/a")
	published := make(chan struct{})
	go func() {
		defer close(published)
		t.publisher.count(ctx, pausedEvents)
	}()
	if err := t.sent(ctx, 4*before+2*pausedEvents); err != nil {
		return err
	}
	from := time.Now()
	stopped.signal(syscall.SIGSTOP)
	openFirst()
	defer stopped.signal(syscall.SIGCONT)
	other, err := t.newHost(ctx, t.store, stopped.arguments...)
	if err != nil {
		return err
	}
	if err := other.start(ctx); err != nil {
		return err
	}
	t.fleet.hosts = []*host{other} // publishers do not wait for the stopped one
	if err := t.sent(ctx, 4*(before+pausedEvents)); err != nil {
		return err
	}
	stopped.signal(syscall.SIGCONT)
	if err := wait(ctx, lateResults); err != nil {
		return err
	}
	openSecond()
	<-published
	t.settle(ctx, serverPatience)
	t.fault(from, time.Now())
	stopped.kill()
	return nil
}

// sent waits until the receiver has seen a number of requests.
func (t *trial) sent(ctx context.Context, n int) error {
	return poll(ctx, maxLease+serverPatience, func() (bool, error) {
		a, _ := t.receiver.requests("/a")
		b, _ := t.receiver.requests("/b")
		return a+b >= n, nil
	})
}
