// Package sample is a service with a catalog, endpoints in several states, and deliveries: for tests, screenshots and benchmarks of
// the portal. Its endpoints are functions of this process; nothing is sent over a network.
package sample

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

//go:embed catalog
var catalog embed.FS

// Service is the service. Acme is the organization with the endpoints; Other has none.
type Service struct {
	Hooks       *webhooks.Webhooks
	Acme, Other uuid.UUID

	Healthy, Failing, Mixed, Paused, Filtered uuid.UUID // endpoints of Acme, by their behaviour
}

var (
	acme  = uuid.MustParse("0190a1b2-0000-7000-8000-00000000acce")
	other = uuid.MustParse("0190a1b2-0000-7000-8000-0000000000ee")
)

// answers plays the endpoints: the host of the URL says how one answers.
type answers struct {
	extra string
	slow  bool // answers take as long as answers of real endpoints
}

// Post implements [webhooks.Sender].
func (a answers) Post(_ context.Context, r guard.Request) guard.Result {
	result := guard.Result{Status: 200, SentAt: time.Now(), Duration: 84 * time.Millisecond, Body: []byte(`{"received":true}`)}
	if a.slow {
		defer func() { time.Sleep(result.Duration) }()
	}
	switch host := r.URL.Hostname(); {
	case strings.HasPrefix(host, "failing."):
		result.Status, result.Body = 503, []byte("upstream connect error or disconnect/reset before headers")
		result.Duration = 304 * time.Millisecond
	case strings.HasPrefix(host, "busy."):
		result.Status, result.RetryAfter, result.Body = 429, "600", nil
	case strings.HasPrefix(host, "gone."):
		result.Status, result.Body = 410, nil
	case strings.HasPrefix(host, "binary."):
		result.Body, result.Header = bytes.Repeat([]byte{0xff}, 16<<10), http.Header{"X-Served-By": {"<b>edge</b>"}}
	case strings.HasPrefix(host, "extra."):
		result.Body, result.Header = []byte(a.extra), http.Header{"X-Extra": {a.extra}}
	case strings.HasPrefix(host, "mixed.") && len(r.Body)%3 == 0:
		result.Status, result.Body, result.Duration = 500, []byte(`{"error":"could not save the order"}`), 431*time.Millisecond
	}
	return result
}

// Data chooses the data of the organization Acme, and the configuration of the service.
type Data struct {
	Events int // events to publish; default: 30
	// Extra are texts for one more endpoint, by name of the field: description, header, path, and response, its answer.
	Extra map[string]string
	Keys  [][]byte // encryption keys; default: none
	// History adds deliveries of the last day, and lets endpoints take their time to answer: for people at the pages.
	History bool
}

// New returns a service on an empty store, with its dispatcher running until ctx ends. It returns when the data is there and the
// circuit of the failing endpoint is open.
func New(ctx context.Context, db store.Store, data Data) (*Service, error) {
	hooks, err := webhooks.New(db, webhooks.Config{
		SecretKeys:    data.Keys,
		Sender:        answers{data.Extra["response"], data.History},
		RetrySchedule: []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Hour},
	})
	if err != nil {
		return nil, err
	}
	s := &Service{Hooks: hooks, Acme: acme, Other: other}
	ctx = webhooks.WithActor(ctx, "sample")
	documents, err := fs.Sub(catalog, "catalog")
	if err != nil {
		return nil, err
	}
	if _, err := hooks.Registry.Seed(ctx, documents); err != nil {
		return nil, err
	}
	if err := s.subscribe(ctx, data); err != nil {
		return nil, err
	}
	if data.History {
		if err := s.addHistory(ctx, db); err != nil {
			return nil, err
		}
	}
	if err := hooks.Dispatcher.Start(ctx); err != nil {
		return nil, err
	}
	return s, s.publish(ctx, max(data.Events, 30), data.History)
}

func (s *Service) subscribe(ctx context.Context, data Data) error {
	for _, e := range []struct {
		id *uuid.UUID
		in webhooks.SubscriptionInput
	}{
		{&s.Healthy, webhooks.SubscriptionInput{
			PostURI: "https://hooks.acme.example/orders", Events: []string{"order.*"}, Description: "Order desk",
		}},
		{&s.Failing, webhooks.SubscriptionInput{
			PostURI: "https://failing.acme.example/incoming", Events: []string{"order.paid", "order.shipped"},
			Description: "Warehouse", Headers: map[string]string{"X-Api-Key": "canary-header-value"},
		}},
		{&s.Mixed, webhooks.SubscriptionInput{
			PostURI: "https://mixed.acme.example/events", Events: []string{"*"}, Description: "Data lake", RateLimit: 50,
		}},
		{&s.Paused, webhooks.SubscriptionInput{
			PostURI: "https://old.acme.example/v0", Events: []string{"customer.created"}, Description: "Old system",
		}},
		{&s.Filtered, webhooks.SubscriptionInput{
			PostURI: "https://de.acme.example/orders", Events: []string{"order.paid"}, Description: "Orders from Germany",
			Filter: []webhooks.Condition{{Pointer: "/customer/country", Op: store.OpEqual, Value: []byte(`"DE"`)}},
		}},
	} {
		sub, _, err := s.Hooks.Subscriptions.Create(ctx, s.Acme, e.in)
		if err != nil {
			return err
		}
		*e.id = sub.ID
	}
	if data.Extra != nil {
		_, _, err := s.Hooks.Subscriptions.Create(ctx, s.Acme, webhooks.SubscriptionInput{
			PostURI: "https://extra.acme.example/" + data.Extra["path"], Events: []string{"order.*"}, Description: data.Extra["description"],
			Headers: map[string]string{"X-Extra": data.Extra["header"]},
		})
		if err != nil {
			return err
		}
	}
	return s.Hooks.Subscriptions.Deactivate(ctx, s.Acme, s.Paused)
}

// publish publishes events until there are as many as asked for and the failing endpoint is known to fail.
func (s *Service) publish(ctx context.Context, events int, slowly bool) error {
	countries := []string{"DE", "FR", "DE", "IT"}
	for n := 0; ; n++ {
		e := webhooks.Event{Type: "order.paid", Data: map[string]any{
			"orderId": fmt.Sprintf("A-%d", 1000+n), "amount": float64(n) + 0.9, "currency": "EUR",
			"customer": map[string]string{"country": countries[n%4]},
		}}
		if n%3 == 2 {
			e = webhooks.Event{Type: "order.shipped", Data: map[string]any{"orderId": fmt.Sprintf("A-%d", 1000+n), "carrier": "DHL"}}
		}
		if _, err := s.Hooks.Dispatcher.Publish(ctx, s.Acme, e); err != nil {
			return err
		}
		if slowly {
			time.Sleep(100 * time.Millisecond)
		}
		if n+1 < events {
			continue
		}
		if failing, err := s.isFailing(ctx); failing || err != nil {
			return err
		}
		if n > 100*events {
			return errors.New("sample: the circuit of the failing endpoint did not open")
		}
	}
}

func (s *Service) isFailing(ctx context.Context) (bool, error) {
	sub, err := s.Hooks.Subscriptions.Get(ctx, s.Acme, s.Failing)
	if err != nil {
		return false, err
	}
	states, err := s.Hooks.Subscriptions.Statuses(ctx, []webhooks.Subscription{sub})
	return states[sub.ID].State == webhooks.SubscriptionFailing, err
}
