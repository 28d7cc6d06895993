//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// acknowledgement is the 202 to a published event.
type acknowledgement struct {
	id string
	at time.Time
}

// publisher publishes numbered events under idempotency keys, repeats each until a host acknowledges it, and
// keeps a ledger of the acknowledgements.
type publisher struct {
	fleet *fleet
	batch int // events under way at once

	mu      sync.Mutex
	cancel  context.CancelFunc // of the background
	next    int                // number of the next event
	acks    map[int]acknowledgement
	refused int           // requests without a 202
	slowest time.Duration // longest time until an answer or an error
}

func newPublisher(f *fleet) *publisher {
	return &publisher{fleet: f, batch: 200, acks: map[int]acknowledgement{}}
}

// count publishes n events as quickly as the hosts take them.
func (p *publisher) count(ctx context.Context, n int) { p.load(ctx, n, 0) }

// load publishes n events, at most rate a second (0: no limit), and returns when all are acknowledged or ctx ends.
func (p *publisher) load(ctx context.Context, n, rate int) {
	stop := make(chan struct{})
	defer close(stop)
	p.publish(ctx, stop, n, rate)
}

// background publishes until the returned function is called, which waits for the acknowledgements.
func (p *publisher) background(ctx context.Context, rate int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	p.cancel = cancel
	p.mu.Unlock()
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer cancel()
		defer close(done)
		p.publish(ctx, end, 1<<30, rate)
	}()
	return sync.OnceFunc(func() {
		close(end)
		<-done
	})
}

// abandon ends the background without waiting for acknowledgements. It does nothing after its end.
func (p *publisher) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel()
}

func (p *publisher) publish(ctx context.Context, stop <-chan struct{}, n, rate int) {
	var underway sync.WaitGroup
	defer underway.Wait()
	slots, began := make(chan struct{}, p.batch), time.Now()
	for i := range n {
		var due <-chan time.Time
		if rate > 0 {
			due = time.After(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		} else {
			due = closedTimer
		}
		select {
		case <-due:
		case <-stop:
			return
		case <-ctx.Done():
			return
		}
		slots <- struct{}{}
		number := p.number()
		underway.Go(func() {
			defer func() { <-slots }()
			p.insist(ctx, number)
		})
	}
}

// closedTimer is a timer that has always run off.
var closedTimer = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

func (p *publisher) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	return p.next - 1
}

// pauseBetweenTries is how long a publisher waits after a request without a 202.
const pauseBetweenTries = 100 * time.Millisecond

// insist publishes one event until a host acknowledges it, each time at another host.
func (p *publisher) insist(ctx context.Context, number int) {
	for try := 0; ctx.Err() == nil; try++ {
		if p.once(ctx, number, number+try) {
			return
		}
		select {
		case <-time.After(pauseBetweenTries):
		case <-ctx.Done():
		}
	}
}

// once makes one request to one host and reports whether it was acknowledged.
func (p *publisher) once(ctx context.Context, number, host int) bool {
	began := time.Now()
	status, text, err := p.fleet.post(ctx, host, p.fleet.org+"/events", map[string]any{
		"eventType": "vitals.observation.created", "idempotencyKey": fmt.Sprintf("event-%d", number),
		"data": map[string]any{"code": "8867-4", "value": number, "unit": "/min"},
	})
	var answer struct{ ID string }
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slowest = max(p.slowest, time.Since(began))
	if err != nil || status != http.StatusAccepted || json.Unmarshal(text, &answer) != nil || answer.ID == "" {
		p.refused++
		return false
	}
	p.acks[number] = acknowledgement{answer.ID, time.Now()}
	return true
}

// acknowledged returns a copy of the ledger.
func (p *publisher) acknowledged() map[int]acknowledgement { return p.acknowledgedFrom(0) }

// acknowledgedFrom returns a copy of the ledger from an event's number on.
func (p *publisher) acknowledgedFrom(first int) map[int]acknowledgement {
	p.mu.Lock()
	defer p.mu.Unlock()
	part := map[int]acknowledgement{}
	for number := first; number < p.next; number++ {
		if ack, ok := p.acks[number]; ok {
			part[number] = ack
		}
	}
	return part
}

// unacknowledged returns the number of events that no host acknowledged.
func (p *publisher) unacknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next - len(p.acks)
}

// forgetSlowest begins a new measurement of the slowest answer.
func (p *publisher) forgetSlowest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slowest = 0
}

func (p *publisher) slowestAnswer() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slowest
}

func (p *publisher) refusals() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}
