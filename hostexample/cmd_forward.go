package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/signing"
)

// forwarder posts events to a local program, as the dispatcher posts them to an endpoint.
type forwarder struct {
	url    string // "": none
	keys   *signing.KeySet
	client *http.Client
}

// forwardTimeout is that of an attempt of the dispatcher.
const forwardTimeout = 15 * time.Second

func newForwarder(url string, key signing.Key) (*forwarder, error) {
	keys, err := signing.NewKeySet([]signing.Key{key}, signing.PrivateKey{})
	return &forwarder{url: url, keys: keys, client: &http.Client{
		// A new connection for each request: the program may have been restarted.
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		Timeout:       forwardTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, err
}

// post sends an event, and sets the status of the answer.
func (f *forwarder) post(ctx context.Context, e *heardEvent, status *int) (time.Duration, error) {
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(e.body)) //nolint:gosec // the user names it
	if err != nil {
		return 0, err
	}
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "ecg-webhooks/"+webhooks.Version)
	h.Set(delivery.HeaderAttempt, strconv.Itoa(e.attempts))
	if err := f.keys.Sign(h, signing.Message{ID: e.ID.String(), At: began, Body: e.body}); err != nil {
		return 0, err
	}
	answer, err := f.client.Do(request) //nolint:gosec // as above
	if err != nil {
		return time.Since(began), err
	}
	defer func() { _ = answer.Body.Close() }()
	*status = answer.StatusCode
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 16<<10))
	return time.Since(began), err
}
