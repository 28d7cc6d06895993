package signing

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// OnceState is the answer of [OnceStore.Claim].
type OnceState int

// The states of a webhook-id.
const (
	// OnceClaimed says that the caller has claimed the id, and handles the webhook.
	OnceClaimed OnceState = iota + 1
	// OnceBusy says that another request has claimed the id and has not finished.
	OnceBusy
	// OnceDone says that the webhook has been handled.
	OnceDone
)

// OnceStore remembers which webhooks have been handled, by webhook-id. It is called from many
// goroutines at once. [NewMemoryOnce] is one for a single process; processes that share their work
// share a store, such as a table of their database.
//
// A claim has an id of its own, the nonce. Done and Release with another nonce change nothing, so
// that a request cannot end the claim of its successor after its own claim has run out.
type OnceStore interface {
	// Claim claims an id for the length of the lease, if it is neither done nor claimed. A claim is
	// void when its lease has run out. Of several calls at once one claims the id.
	Claim(ctx context.Context, id, nonce string, lease time.Duration) (OnceState, error)
	// Done ends a claim and remembers the id, for at least as long as the sender retries.
	Done(ctx context.Context, id, nonce string) error
	// Release ends a claim and forgets the id, so that the next request claims it.
	Release(ctx context.Context, id, nonce string) error
}

// ErrOnceUnverified says that a request reached [Once] that no [Middleware] has verified.
var ErrOnceUnverified = errors.New("webhook not verified")

// DefaultOnceLease is how long a handler may take before [Once] lets the next request in.
const DefaultOnceLease = time.Minute

// OnceOptions are the options of [Once].
type OnceOptions struct {
	// Lease is the longest time that the handler needs. A retry after it calls the handler again,
	// since the process may have died. Default: [DefaultOnceLease].
	Lease time.Duration
	// OnError is told of errors of the store, and of requests that were not verified, for a log. It is
	// called for several requests at once. Default: nothing is called.
	OnError func(r *http.Request, err error)
}

// onceTimeout bounds a call of the store after the handler has returned.
const onceTimeout = 5 * time.Second

// Once returns a wrapper for handlers that lets each webhook-id through once. It goes inside of
// [Middleware], which verifies the id:
//
//	verified(signing.Once(store, nil)(handler))
//
// A webhook has been handled when the handler has answered 2xx; further requests with its id are
// answered 200, and do not reach the handler. After another answer, or a panic, the id is released,
// and the sender's retry reaches the handler. A request that comes while another one with the same
// id is handled is answered 409: this delivery alone is tried again later. A 503 with Retry-After
// would make senders hold back all webhooks of the subscription.
//
// A request that no Middleware has verified is answered 500. If the store fails, the answer is 503.
// Neither request reaches the handler. Nil opts mean the defaults.
//
// Once narrows "at least once" down, but a process can die between its work and Done. Work that
// must not be done twice in any case belongs into one transaction with the webhook-id.
func Once(store OnceStore, opts *OnceOptions) func(http.Handler) http.Handler {
	var o OnceOptions
	if opts != nil {
		o = *opts
	}
	o.Lease = cmp.Or(max(o.Lease, 0), DefaultOnceLease)
	return func(next http.Handler) http.Handler { return &once{store: store, opts: o, next: next} }
}

type once struct {
	store OnceStore
	opts  OnceOptions
	next  http.Handler
}

func (o *once) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := r.Context().Value(verifiedID{}).(string)
	if !ok {
		o.failed(r, ErrOnceUnverified)
		http.Error(w, "webhook not verified", http.StatusInternalServerError)
		return
	}
	nonce := rand.Text()
	state, err := o.store.Claim(r.Context(), id, nonce, o.opts.Lease)
	switch {
	case err != nil:
		o.failed(r, fmt.Errorf("claim webhook %s: %w", id, err))
		http.Error(w, "webhook cannot be handled now", http.StatusServiceUnavailable)
	case state == OnceDone:
		w.WriteHeader(http.StatusOK)
	case state == OnceClaimed:
		o.handle(w, r, id, nonce)
	default:
		http.Error(w, "webhook is being handled", http.StatusConflict)
	}
}

// handle calls the handler, and ends the claim by its answer.
func (o *once) handle(w http.ResponseWriter, r *http.Request, id, nonce string) {
	answer := &statusWriter{ResponseWriter: w}
	end, verb := o.store.Release, "release"
	defer func() { // also when the handler panics
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), onceTimeout)
		defer cancel()
		if err := end(ctx, id, nonce); err != nil {
			o.failed(r, fmt.Errorf("%s webhook %s: %w", verb, id, err))
		}
	}()
	o.next.ServeHTTP(answer, r)
	if answer.status == 0 || answer.status/100 == 2 {
		end, verb = o.store.Done, "remember"
	}
}

func (o *once) failed(r *http.Request, err error) {
	if o.opts.OnError != nil {
		o.opts.OnError(r, err)
	}
}

// verifiedID is the key under which the context of a request has its verified webhook-id.
type verifiedID struct{}

// markVerified returns the request with its webhook-id, for [Once].
func markVerified(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), verifiedID{}, r.Header.Get(HeaderID)))
}

// statusWriter notes the status of an answer; 0: the handler has written none, which is 200.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // 1xx comes before the answer
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] find the writer of the server.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
