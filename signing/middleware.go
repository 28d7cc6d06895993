package signing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ErrBodyTooLarge says that a request was refused, and not read to its end, since
// its body is larger than [ReceiverOptions] allow.
var ErrBodyTooLarge = errors.New("webhook body too large")

// DefaultMaxBody is the largest body that [Middleware] accepts, in bytes: 1 MiB.
const DefaultMaxBody = 1 << 20

// ReceiverOptions are the options of [Middleware].
type ReceiverOptions struct {
	// Tolerance is how far the time of a webhook may be from the clock, either
	// way. Default: [DefaultTolerance].
	Tolerance time.Duration
	// MaxBody is the largest body accepted, in bytes. Default: [DefaultMaxBody].
	MaxBody int64
	// Now is the clock. Default: [time.Now].
	Now func() time.Time
	// OnReject is called with each refused request and the reason, for a log. It
	// is called before the answer is written, and for several requests at once.
	// It must not read the body. Default: nothing is called.
	OnReject func(r *http.Request, err error)
}

// Middleware returns a wrapper for handlers that receive webhooks. The wrapped
// handler gets authentic requests alone: the body, which can be read as usual, and
// the webhook-id, r.Header.Get([HeaderID]), are signed. Nil opts mean the defaults.
//
// Middleware answers all other requests, with a line of text that names the fault:
// 413 to a body that is too large, 401 to a time or a signature that does not hold,
// 400 to headers that are missing or malformed and to a body that breaks off.
func Middleware(keys Keys, opts *ReceiverOptions) func(http.Handler) http.Handler {
	var o ReceiverOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return func(next http.Handler) http.Handler {
		return &receiver{keys: keys, opts: o, next: next}
	}
}

type receiver struct {
	keys Keys
	opts ReceiverOptions
	next http.Handler
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := v.authenticate(w, r)
	if err != nil {
		if v.opts.OnReject != nil {
			v.opts.OnReject(r, err)
		}
		refuse(w, err)
		return
	}
	authentic := *r // a copy: a handler must not change its request
	authentic.Body = io.NopCloser(bytes.NewReader(body))
	authentic.ContentLength = int64(len(body))
	v.next.ServeHTTP(w, markVerified(&authentic))
}

// authenticate returns the body of an authentic request. It checks the headers
// first, so that most forged requests cost no read.
func (v *receiver) authenticate(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	e, err := openEnvelope(r.Header, v.opts.Now(), v.opts.Tolerance)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, v.opts.MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fmt.Errorf("%w: %d bytes are allowed", ErrBodyTooLarge, v.opts.MaxBody)
	}
	if err != nil {
		return nil, fmt.Errorf("read webhook body: %w", err)
	}
	return body, e.verify(body, v.keys)
}

// refusals are the answers to requests that are not authentic.
var refusals = []struct {
	err    error
	status int
}{
	{ErrMissingHeader, http.StatusBadRequest},
	{ErrMalformedHeader, http.StatusBadRequest},
	{ErrBodyTooLarge, http.StatusRequestEntityTooLarge},
	{ErrTimestampTooOld, http.StatusUnauthorized},
	{ErrTimestampTooNew, http.StatusUnauthorized},
	{ErrSignature, http.StatusUnauthorized},
}

func refuse(w http.ResponseWriter, err error) {
	for _, refusal := range refusals {
		if errors.Is(err, refusal.err) {
			http.Error(w, refusal.err.Error(), refusal.status)
			return
		}
	}
	http.Error(w, "webhook body could not be read", http.StatusBadRequest)
}
