package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// targetTTL bounds how long a change that another host made to a subscription can
// go unseen by an attempt that was already claimed here.
const targetTTL = time.Second

// maxTargets bounds the memory of the cache: it is about 1.5 KiB for each.
const maxTargets = 4_000

// target is a subscription prepared for sending.
type target struct {
	store.Target
	group  string      // of its requests: the organization
	url    *url.URL    // nil if there is none to send to
	header http.Header // its own
	signer signing.Signer
	err    error // why it cannot be sent to, although it is live
	read   time.Time

	heldUntil time.Time // the endpoint pushed back: no attempt before, by the clock of the lanes
}

// targets keeps prepared subscriptions for a moment: in a burst to one
// subscription its record is read once.
type targets struct {
	store   store.Queue
	timeout time.Duration // of a reading
	prepare func(store.Target) *target
	overlap time.Duration
	now     func() time.Time

	mu   sync.Mutex
	m    map[uuid.UUID]*target
	next *reading      // which more can join
	busy chan struct{} // holds one while somebody reads

	forgets int // so many times
}

// size returns how many subscriptions are kept.
func (c *targets) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.m)
}

// reading is a look at several subscriptions.
type reading struct {
	of    []uuid.UUID
	found map[uuid.UUID]*target
	err   error
	done  chan struct{}
}

// fresh reports whether the target serves for a job.
func (t *target) fresh(j store.Job, now time.Time) bool {
	return t != nil && t.Revision >= j.SubscriptionRevision && now.Sub(t.read) < targetTTL
}

// known returns the target of the job if it is at hand, or nil.
func (c *targets) known(j store.Job) *target {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.m[j.SubscriptionID]; t.fresh(j, now) {
		return t
	}
	return nil
}

// get returns the target of the job, or nil if there never was one. What is wanted
// while another read goes on is read together: each by itself, 10,000 subscriptions in
// turn had a fifth of the throughput of one.
func (c *targets) get(ctx context.Context, j store.Job) (*target, error) {
	now := c.now()
	c.mu.Lock()
	t := c.m[j.SubscriptionID]
	if t.fresh(j, now) {
		c.mu.Unlock()
		return t, nil
	}
	if t != nil {
		t.read = now // one worker reads it again, the others go on with what there is
	}
	r, first := c.next, c.next == nil
	if first {
		r = &reading{done: make(chan struct{})}
		c.next = r
	}
	r.of = append(r.of, j.SubscriptionID)
	c.mu.Unlock()
	if first {
		c.read(ctx, r)
	}
	<-r.done
	return r.found[j.SubscriptionID], r.err
}

// read looks when its turn has come, which ends the time to join.
func (c *targets) read(ctx context.Context, r *reading) {
	c.busy <- struct{}{}
	defer func() { <-c.busy }()
	c.mu.Lock()
	c.next = nil
	c.mu.Unlock()
	if r.found, r.err = c.load(ctx, r.of); r.err != nil {
		c.mu.Lock()
		for _, id := range r.of {
			delete(c.m, id) // the others were to go on with it meanwhile only
		}
		c.mu.Unlock()
	}
	close(r.done)
}

// warm loads what a batch of jobs needs in one go, before get does it one by one. What
// fails is tried again by get.
func (c *targets) warm(ctx context.Context, jobs []store.Job) {
	soon := c.now().Add(targetTTL / 2)
	var missing []uuid.UUID
	seen := map[uuid.UUID]bool{}
	c.mu.Lock()
	for _, j := range jobs {
		if !seen[j.SubscriptionID] && !c.m[j.SubscriptionID].fresh(j, soon) {
			missing = append(missing, j.SubscriptionID)
		}
		seen[j.SubscriptionID] = true
	}
	c.mu.Unlock()
	if len(missing) > 0 {
		_, _ = c.load(ctx, missing)
	}
}

func (c *targets) load(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*target, error) {
	now := c.now()
	c.mu.Lock()
	forgets := c.forgets
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	found, err := c.store.Targets(ctx, ids, now.Add(-c.overlap))
	if err != nil {
		return nil, err
	}
	prepared := make(map[uuid.UUID]*target, len(found))
	for id, t := range found {
		prepared[id] = c.prepare(t)
		prepared[id].read = now
		prepared[id].heldUntil = time.Now().Add(t.BackPressureUntil.Sub(now))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) > maxTargets {
		clear(c.m)
	}
	for _, id := range ids {
		// What was read while something was forgotten may be just that.
		if p := prepared[id]; p != nil && c.forgets == forgets {
			c.m[id] = p
		} else {
			delete(c.m, id)
		}
	}
	return prepared, nil
}

// forget drops a subscription, for it has changed.
func (c *targets) forget(id uuid.UUID) {
	c.mu.Lock()
	delete(c.m, id)
	c.forgets++
	c.mu.Unlock()
}

// circuitOpen reports whether attempts are held back.
func (t *target) circuitOpen() bool { return circuitOpen(t.Health) }

// circuitOpen reports whether the subscription's circuit is known to be open.
func (c *targets) circuitOpen(subscription uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.m[subscription]
	return t != nil && t.circuitOpen()
}

// prepare makes of a subscription what sending needs, once for many attempts.
func (e *Engine) prepare(s store.Target) *target {
	t := &target{Target: s, group: s.OrganizationID.String()}
	if s.Deleted || !s.Live() {
		return t
	}
	if len(s.Damaged) > 0 {
		e.lasts(slog.LevelError, damaged, s.ID, "subscription", s.ID, "members", s.Damaged)
		t.err = fault(fmt.Sprintf("the stored data of the subscription cannot be read: %v", s.Damaged))
		return t
	}
	e.ended(damaged, s.ID, "webhooks: the stored data of a subscription can be read again", "subscription", s.ID)
	if s.PostURI == "" {
		return t
	}
	if t.url, t.err = url.Parse(s.PostURI); t.err != nil {
		t.err = fault("the subscription's URL is invalid")
		return t
	}
	if t.signer, t.err = e.cfg.Signer(s); t.err != nil {
		e.lasts(slog.LevelError, cannotSign, s.ID, "subscription", s.ID, "error", t.err)
		t.err = fault("the subscription's secret cannot be used")
		return t
	}
	e.ended(cannotSign, s.ID, "webhooks: the secrets of a subscription can be used again", "subscription", s.ID)
	if len(s.Headers) > 0 {
		t.header = make(http.Header, len(s.Headers))
	}
	for k, v := range s.Headers {
		t.header[http.CanonicalHeaderKey(k)] = []string{v}
	}
	return t
}
