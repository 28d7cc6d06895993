package webhookstest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/signing"
)

// Receiver is an endpoint. It verifies the signature of each request as it arrives, and a request whose signature is
// wrong fails the test. It answers 200 until it is told otherwise; what it is told holds from the next request on.
type Receiver struct {
	URL          string                // to be posted to
	Subscription webhooks.Subscription // zero if it was not made by Subscribe

	kit *Kit

	mu       sync.Mutex
	plan     []behaviour // the next requests, one each; the last one stays
	secrets  []string    // trusted beside those of Subscription
	requests []Request
	verified int
	read     int           // requests that Next returned
	arrived  chan struct{} // closed at the next request
}

// behaviour is the answer to a request.
type behaviour struct {
	status       int
	retryAfter   time.Duration // 0 for none
	hangs, reset bool
}

// Request is a request that arrived, and the event in it.
type Request struct {
	Event
	Attempt int         // number of the attempt, from 1
	Header  http.Header // as it arrived
	Body    []byte      // as it arrived
	Status  int         // of the answer; 0 if there was none
}

// Reply answers the next requests with the statuses, one each, and all later ones with the last status.
func (r *Receiver) Reply(status ...int) {
	r.kit.t.Helper()
	plan := make([]behaviour, len(status))
	for i, s := range status {
		if s < 200 || s > 999 {
			r.kit.t.Fatalf("webhookstest: Reply(%d): a status is 200 to 999", s)
		}
		plan[i].status = s
	}
	r.behave(plan...)
}

// RetryAfter answers 429 with the header Retry-After, in whole seconds.
func (r *Receiver) RetryAfter(d time.Duration) {
	r.behave(behaviour{status: http.StatusTooManyRequests, retryAfter: d})
}

// Hang gives no answer: requests end at their time-out.
func (r *Receiver) Hang() { r.behave(behaviour{hangs: true}) }

// Reset closes the connection without an answer.
func (r *Receiver) Reset() { r.behave(behaviour{reset: true}) }

func (r *Receiver) behave(plan ...behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(plan) > 0 {
		r.plan = plan
	}
}

// Trust makes the receiver accept signatures by a secret, beside the secrets of its Subscription.
func (r *Receiver) Trust(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, secret)
}

// Next returns the next request that arrived: at each call a later one. It waits for it, and fails the test when ctx
// ends or after 10 s of package time. It does not move the clock: move it first for a retry.
func (r *Receiver) Next(ctx context.Context) Request {
	r.kit.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		r.mu.Lock()
		arrived := r.arrived
		if r.read < len(r.requests) {
			r.read++
			next := r.requests[r.read-1]
			r.mu.Unlock()
			return next
		}
		r.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			r.kit.t.Fatalf("webhookstest: %s got %d requests and no further one: %v; does the clock stand before the next attempt?",
				r.URL, len(r.Requests()), ctx.Err())
		}
	}
}

// Requests returns the requests that arrived so far, in order.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Verified returns how many requests arrived with a right signature.
func (r *Receiver) Verified() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.verified
}

// receive takes in a request and says how to answer it.
func (r *Receiver) receive(ctx context.Context, h http.Header, body []byte) behaviour {
	err := r.verify(ctx, h, body)
	if err != nil {
		r.kit.t.Errorf("webhookstest: %s got a request that cannot be verified: %v", r.URL, err)
	}
	in := Request{Header: h, Body: body}
	in.Attempt, _ = strconv.Atoi(h.Get(delivery.HeaderAttempt))
	if err := json.Unmarshal(body, &in.Event); err != nil {
		r.kit.t.Errorf("webhookstest: %s got a body that is no event: %v", r.URL, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.verified++
	}
	b := r.plan[0]
	if len(r.plan) > 1 {
		r.plan = r.plan[1:]
	}
	in.Status = b.status
	r.requests = append(r.requests, in)
	release(&r.arrived)
	r.arrived = make(chan struct{})
	return b
}

// verify checks a signature as a receiver in production does, by the clock of the kit.
func (r *Receiver) verify(ctx context.Context, h http.Header, body []byte) error {
	r.mu.Lock()
	secrets, sub := slices.Clone(r.secrets), r.Subscription
	r.mu.Unlock()
	if sub.ID != uuid.Nil {
		list, err := r.kit.Hooks.Subscriptions.Secrets(ctx, sub.OrganizationID, sub.ID, webhooks.Page{Take: 2, Descending: true})
		if err != nil {
			return err
		}
		for _, s := range list.Items { // a receiver that changes to a new secret trusts the former one for a while
			secrets = append(secrets, s.Key)
		}
	}
	keys, err := signing.ParseKeys(secrets...)
	if err != nil {
		return err
	}
	return signing.Verify(h, body, keys, r.kit.Clock.Now(), 0)
}
