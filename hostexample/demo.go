package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// demoCmd shows the main job: a published event arrives signed, and a failed delivery is
// retried.
type demoCmd struct{}

// demoSchedule is short, so that the demonstration takes a few seconds.
var demoSchedule = []time.Duration{500 * time.Millisecond, time.Second}

// demoTime bounds the demonstration.
const demoTime = 9 * time.Second

// demo is a running demonstration.
type demo struct {
	*script
	hooks *webhooks.Webhooks
	org   uuid.UUID
	url   string // of the two sinks
	good  webhooks.Subscription
	bad   webhooks.Subscription
}

func (*demoCmd) run(ctx context.Context, h *host, c *cli) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	d := &demo{script: newScript(h.stdout), org: uuid.Must(uuid.NewV7())}
	d.hooks, err = webhooks.New(memstore.New(), webhooks.Config{
		RetrySchedule: demoSchedule, PollInterval: 50 * time.Millisecond, AllowHTTP: true, Observer: d.script, Logger: c.logger(h.stderr),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		return err
	}
	stop, err := d.serveSinks(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := d.hooks.Dispatcher.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.hooks.Dispatcher.Stop(ctx)) }()
	return d.play(ctx)
}

// serveSinks serves the library's two sinks on a free port. The script sees each request
// before a sink does.
func (d *demo) serveSinks(ctx context.Context) (stop func(), err error) {
	api, err := httpapi.New(d.hooks, httpapi.Config{Authenticator: nobody{}, Dispatching: true})
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: d.watch(api), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(listener) //nolint:errcheck // Serve always returns an error, after Close
	d.url = "http://" + listener.Addr().String() + "/api/webhook-processors/"
	return func() { _ = server.Close() }, nil
}

// play runs the demonstration from beginning to end.
func (d *demo) play(ctx context.Context) error {
	if err := d.catalog(ctx); err != nil {
		return err
	}
	var err error
	if d.good, err = d.subscribe(ctx, "success-response"); err != nil {
		return err
	}
	if d.bad, err = d.subscribe(ctx, "failed-response?status=503"); err != nil {
		return err
	}
	data := json.RawMessage(`{"code": "8867-4", "value": 72, "unit": "/min"}`)
	published, err := d.hooks.Dispatcher.Publish(ctx, d.org, webhooks.Event{Type: "vitals.observation.created", Data: data})
	if err != nil {
		return err
	}
	d.say("publish       message %s, stored for %d subscriptions", published.ID, published.Deliveries)
	d.say("")
	d.check(published.Deliveries == 2, "both subscriptions matched")
	if err := d.wait(ctx, len(demoSchedule)+2); err != nil {
		return fmt.Errorf("not all attempts came within %v: %w", demoTime, err)
	}
	d.say("")
	if err := d.review(ctx, published.ID); err != nil {
		return err
	}
	return d.verdict()
}

func (d *demo) catalog(ctx context.Context) error {
	d.say("A category, an event type in it, and two subscriptions of one organization:")
	d.say("")
	category, err := d.hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	if err != nil {
		return err
	}
	event, err := d.hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{
		Name: "Observation created", Code: "vitals.observation.created", Version: "v1",
	})
	if err != nil {
		return err
	}
	d.say("category      %s", category.Code)
	d.say("event type    %s %s", event.Code, event.Version)
	return nil
}

func (d *demo) subscribe(ctx context.Context, sink string) (webhooks.Subscription, error) {
	sub, secret, err := d.hooks.Subscriptions.Create(ctx, d.org, webhooks.SubscriptionInput{
		PostURI: d.url + sink, Events: []string{"vitals.*"}, IsDevelopment: true,
	})
	if err != nil {
		return sub, err
	}
	d.say("subscription  vitals.* to %s", sub.PostURI)
	return sub, d.trust(sub, sink, secret)
}

// review reads the history and compares it with the requests that arrived.
func (d *demo) review(ctx context.Context, message uuid.UUID) error {
	good, err := d.history(ctx, d.good)
	if err != nil {
		return err
	}
	bad, err := d.history(ctx, d.bad)
	if err != nil {
		return err
	}
	d.say("The chain of the failing subscription, as the history has it:")
	d.say("")
	for _, a := range bad {
		next := "no further attempt"
		if !a.NextRetryAt.IsZero() {
			next = "next one due " + a.NextRetryAt.Sub(a.PostedAt).Round(10*time.Millisecond).String() + " later"
		}
		d.say("  attempt %d  %s  %s (%s), %s", a.Number, a.PostedAt.Format("15:04:05.000"), a.Status, a.Error, next)
	}
	d.say("")
	d.check(len(good) == 1 && good[0].Status == webhooks.Succeeded, "the first subscription got it once, and took it")
	d.check(len(bad) == len(demoSchedule)+1, "the failing one was tried as often as the retry schedule says")
	for i, a := range bad {
		linked := i == 0 && a.RetryOf == uuid.Nil || i > 0 && a.RetryOf == bad[i-1].ID
		d.check(a.Status == webhooks.Failed && a.HTTPStatus == 503 &&
			linked, fmt.Sprintf("its attempt %d is recorded as a failure in its place of the chain", a.Number))
	}
	d.checkArrivals(message, append(good, bad...))
	return nil
}

func (d *demo) history(ctx context.Context, sub webhooks.Subscription) ([]webhooks.Attempt, error) {
	list, err := d.hooks.Subscriptions.Attempts(ctx, webhooks.HistoryQuery{
		OrganizationID: d.org, SubscriptionID: sub.ID, Page: webhooks.Page{Take: 100},
	})
	return list.Items, err
}
