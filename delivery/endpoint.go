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

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/internal/conditionlog"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// endpointTTL bounds how long a change that another host made to a subscription can
// go unseen by an attempt that was already claimed here.
const endpointTTL = time.Second

// maxEndpoints bounds the memory of the cache: it is about 1.5 KiB for each.
const maxEndpoints = 4_000

// An endpoint is a subscription, prepared for sending.
type endpoint struct {
	store.Target
	group  string      // of its requests: the organization
	url    *url.URL    // nil if the subscription has none
	header http.Header // of the subscription
	signer signing.Signer
	err    error // why nothing can be sent to it, although it is live
	read   time.Time
}

// An endpointCache keeps prepared subscriptions for endpointTTL: in a burst to one subscription its
// record is read once.
type endpointCache struct {
	store   store.Queue
	timeout time.Duration // of a reading
	signer  func(store.Target) (signing.Signer, error)
	log     *conditionlog.Log
	overlap time.Duration
	clock   clock.Clock

	mu   sync.Mutex
	byID map[uuid.UUID]*endpoint
	next *endpointRead // the next read, which more attempts can join
	busy chan struct{} // holds a token while a read is in progress

	forgotten int // counts calls of forget
}

func newEndpointCache(c Config, log *conditionlog.Log) *endpointCache {
	return &endpointCache{
		store: c.Store, timeout: c.Lease, signer: c.Signer, log: log, overlap: c.SecretOverlap, clock: c.Clock,
		byID: map[uuid.UUID]*endpoint{}, busy: make(chan struct{}, 1),
	}
}

// size returns how many subscriptions are kept.
func (c *endpointCache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byID)
}

// An endpointRead is one call of the store for several subscriptions.
type endpointRead struct {
	of    []uuid.UUID
	found map[uuid.UUID]*endpoint
	err   error
	done  chan struct{}
}

// fresh reports whether the endpoint was read late enough to be used for a job.
func (t *endpoint) fresh(j *store.Job, now time.Time) bool {
	if t == nil || t.Revision < j.SubscriptionRevision {
		return false
	}
	if t.circuitOpen() { // another host may have closed it, and this job may be released
		return now.Sub(t.read) < endpointTTL/10
	}
	return now.Sub(t.read) < endpointTTL
}

// known returns the endpoint of a job if the cache has it, or nil.
func (c *endpointCache) known(j *store.Job) *endpoint {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.byID[j.SubscriptionID]; t.fresh(j, now) {
		return t
	}
	return nil
}

// get returns the endpoint of a job, or nil if its subscription does not exist. Subscriptions that are
// needed while another read is in progress are read together: one read for each of 10,000 subscriptions
// in turn gave a fifth of the throughput of one subscription.
func (c *endpointCache) get(ctx context.Context, j *store.Job) (*endpoint, error) {
	now := c.clock.Now()
	c.mu.Lock()
	t := c.byID[j.SubscriptionID]
	if t.fresh(j, now) {
		c.mu.Unlock()
		return t, nil
	}
	if t != nil {
		t.read = now // one worker reads it again; all others use the old entry meanwhile
	}
	r, first := c.next, c.next == nil
	if first {
		r = &endpointRead{done: make(chan struct{})}
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

// read waits for the read before it, and then reads; from then on no attempt can join.
func (c *endpointCache) read(ctx context.Context, r *endpointRead) {
	c.busy <- struct{}{}
	defer func() { <-c.busy }()
	c.mu.Lock()
	c.next = nil
	c.mu.Unlock()
	if r.found, r.err = c.load(ctx, r.of); r.err != nil {
		c.mu.Lock()
		for _, id := range r.of {
			delete(c.byID, id) // the old entry was kept only while this read was in progress
		}
		c.mu.Unlock()
	}
	close(r.done)
}

// warm loads the endpoints of a batch of jobs in one read, before get loads them one by one. If that
// fails, get tries again.
func (c *endpointCache) warm(ctx context.Context, jobs []store.Job) {
	soon := c.clock.Now().Add(endpointTTL / 2)
	var missing []uuid.UUID
	seen := map[uuid.UUID]bool{}
	c.mu.Lock()
	for i := range jobs {
		j := &jobs[i]
		if !seen[j.SubscriptionID] && !c.byID[j.SubscriptionID].fresh(j, soon) {
			missing = append(missing, j.SubscriptionID)
		}
		seen[j.SubscriptionID] = true
	}
	c.mu.Unlock()
	if len(missing) > 0 {
		_, _ = c.load(ctx, missing)
	}
}

func (c *endpointCache) load(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*endpoint, error) {
	now := c.clock.Now()
	c.mu.Lock()
	forgets := c.forgotten
	c.mu.Unlock()
	ctx, cancel := clock.WithTimeout(ctx, c.clock, c.timeout)
	defer cancel()
	found, err := c.store.Targets(ctx, ids, now.Add(-c.overlap))
	if err != nil {
		return nil, err
	}
	prepared := make(map[uuid.UUID]*endpoint, len(found))
	for id, t := range found {
		prepared[id] = c.prepare(t)
		prepared[id].read = now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byID) > maxEndpoints {
		clear(c.byID)
	}
	for _, id := range ids {
		// If a subscription was forgotten during the read, the read may have its old version.
		if p := prepared[id]; p != nil && c.forgotten == forgets {
			c.byID[id] = p
		} else {
			delete(c.byID, id)
		}
	}
	return prepared, nil
}

// forget drops a subscription, because it has changed.
func (c *endpointCache) forget(id uuid.UUID) {
	c.mu.Lock()
	delete(c.byID, id)
	c.forgotten++
	c.mu.Unlock()
}

// forgetAll drops all subscriptions.
func (c *endpointCache) forgetAll() {
	c.mu.Lock()
	clear(c.byID)
	c.forgotten++
	c.mu.Unlock()
}

// rate returns how many attempts a second may be made; 0 for any number. Nothing is sent to a
// subscription that is not live, so nothing waits for its rate.
func (t *endpoint) rate() float64 {
	if t.Deleted || !t.Live() || !(t.RateLimit > 0) { // so worded for NaN
		return 0
	}
	return t.RateLimit
}

// circuitOpen reports whether attempts are held back.
func (t *endpoint) circuitOpen() bool { return circuitOpen(t.Health) }

// circuitOpen reports whether the subscription's circuit is known to be open.
func (c *endpointCache) circuitOpen(subscription uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.byID[subscription]
	return t != nil && t.circuitOpen()
}

// prepare parses and decrypts the parts of a subscription that sending needs, once for many attempts.
func (c *endpointCache) prepare(s store.Target) *endpoint {
	t := &endpoint{Target: s, group: s.OrganizationID.String()}
	if s.Deleted || !s.Live() {
		return t
	}
	if len(s.Damaged) > 0 {
		c.log.Occurred(context.Background(), slog.LevelError, damagedSubscription, s.ID, "subscriptionId", s.ID, "members", s.Damaged)
		t.err = ownFaultError(fmt.Sprintf("the stored data of the subscription cannot be read: %v", s.Damaged))
		return t
	}
	c.log.Ended(context.Background(), damagedSubscription, s.ID,
		"webhooks: the stored data of a subscription can be read again", "subscriptionId", s.ID)
	if s.PostURI == "" {
		return t
	}
	if t.url, t.err = url.Parse(s.PostURI); t.err != nil {
		t.err = ownFaultError("the subscription's URL is invalid")
		return t
	}
	if t.signer, t.err = c.signer(s); t.err != nil {
		c.log.Occurred(context.Background(), slog.LevelError, cannotSign, s.ID, "subscriptionId", s.ID, "error", t.err)
		t.err = ownFaultError("the subscription's secret cannot be used")
		return t
	}
	c.log.Ended(context.Background(), cannotSign, s.ID,
		"webhooks: the secrets of a subscription can be used again", "subscriptionId", s.ID)
	if len(s.Headers) > 0 {
		t.header = make(http.Header, len(s.Headers))
	}
	for k, v := range s.Headers {
		t.header[http.CanonicalHeaderKey(k)] = []string{v}
	}
	return t
}
