package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/signing"
)

// listenCmd shows published events as they happen, and sends them to a program on this machine.
type listenCmd struct {
	orgSettings
	ForwardTo    string    `name:"forward-to" help:"URL of a local program that gets each event as a signed POST. Default: none; events are only shown."`
	Events       []string  `help:"Codes and patterns of event types, separated by commas." default:"*"`
	EventVersion string    `help:"Version of the event type." default:"v1"`
	Subscription *recordID `help:"Subscription whose deliveries are shown, tests and manual retries among them, instead of all events of the organization."`
	Interval     wait      `help:"Time between two looks for new events." default:"1s"`
	Body         bool      `help:"Show the body of each event."`
	ShowSecret   bool      `help:"Print the secret that signs, which WEBHOOKS_LISTEN_SECRET sets. Default: a new secret for each run."`
}

// Help describes how events arrive.
func (*listenCmd) Help() string {
	return `The command reads the events that are published from now on, makes the request that a
subscription to them would get, with the same webhook-id and body, and posts it to
--forward-to. It makes no subscription: nothing is changed at the host, a token with the
scope webhooks:read is enough, and nothing is left over if the command is killed.

The requests are signed with a secret of the command's own: WEBHOOKS_LISTEN_SECRET (or
the file that WEBHOOKS_LISTEN_SECRET_FILE names), or a new one for each run, which
--show-secret prints.

The input r and Enter sends the latest event again. Ctrl-C ends the command.`
}

func (l *listenCmd) run(ctx context.Context, h *host, c *cli) error {
	out, err := l.forwarder(h)
	if err != nil {
		return err
	}
	a, err := h.connect(ctx, &l.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	return l.listen(ctx, a, out)
}

// forwarder checks the settings of the forwarding.
func (l *listenCmd) forwarder(h *host) (*forwarder, error) {
	secret, err := h.readSecret("WEBHOOKS_LISTEN_SECRET")
	if err != nil {
		return nil, err
	}
	if secret == "" {
		secret = signing.NewSecret()
	}
	key, err := signing.ParseSecret(secret)
	if err != nil {
		return nil, wrong("WEBHOOKS_LISTEN_SECRET", "is wrong: must be a signing secret such as whsec_ and base64 of 32 bytes")
	}
	if u, err := url.Parse(l.ForwardTo); l.ForwardTo != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return nil, wrong("forward-to", "must be an absolute http or https URL")
	}
	if l.ShowSecret {
		fmt.Fprintln(h.stderr, "secret:", secret)
	}
	return newForwarder(l.ForwardTo, key)
}

// listen shows and forwards events until ctx ends.
func (l *listenCmd) listen(ctx context.Context, a *access, out *forwarder) error {
	source := l.source(a)
	if _, err := source(ctx); err != nil {
		return plain(err)
	}
	fmt.Fprintln(a.stderr, "listening; r and Enter sends the latest event again, Ctrl-C ends")
	tick := time.NewTicker(time.Duration(l.Interval))
	defer tick.Stop()
	input := lines(ctx, a.host)
	var latest *heardEvent
	down := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-input:
			if !ok {
				input = nil
			} else if line == "r" && latest != nil {
				l.deliver(ctx, a, out, latest)
			}
		case <-tick.C:
			found, err := source(ctx)
			if err != nil && lasting(err) {
				return plain(err)
			}
			if err != nil != down && ctx.Err() == nil {
				down = err != nil
				l.sayDown(a, err)
			}
			for _, e := range found {
				latest = e
				l.deliver(ctx, a, out, e)
			}
		}
	}
}

func (l *listenCmd) source(a *access) func(context.Context) ([]*heardEvent, error) {
	if l.Subscription != nil {
		return (&deliverySource{Subscriptions: a.Subscriptions, org: string(l.Org), id: l.Subscription.UUID, events: l.Events}).next
	}
	return (&eventSource{Dispatcher: a.Dispatcher, org: string(l.Org), events: l.Events, version: l.EventVersion}).next
}

// lasting reports whether the next look would fail, too.
func lasting(err error) bool {
	for _, one := range []error{client.ErrUnauthorized, client.ErrForbidden, client.ErrNotFound, client.ErrInvalid} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// sayDown says that the host has begun to fail, or, without an error, to work again.
func (l *listenCmd) sayDown(a *access, err error) {
	if err == nil {
		fmt.Fprintln(a.stderr, "events can be read again")
		return
	}
	fmt.Fprintln(a.stderr, "events cannot be read; trying again:", oneLine(plain(err)))
}

// lines returns the lines of the standard input. The goroutine that reads them ends with the input, or
// with the process.
func lines(ctx context.Context, h *host) <-chan string {
	all := make(chan string)
	go func() {
		defer close(all)
		for scan := bufio.NewScanner(h.input()); scan.Scan(); {
			select {
			case all <- strings.TrimSpace(scan.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	return all
}

// listenReport is an event that was shown, and its delivery.
type listenReport struct {
	Event      string          `json:"event"`   // the webhook-id
	Type       string          `json:"type"`    // code of the event type
	Version    string          `json:"version"` // of the event type
	Attempt    int             `json:"attempt"` // of this command; 0 without --forward-to
	Status     int             `json:"status"`  // of the answer; 0: none
	DurationMs int64           `json:"durationMs"`
	Error      string          `json:"error"`
	Body       json.RawMessage `json:"body"`
}

// deliver forwards an event and shows it.
func (l *listenCmd) deliver(ctx context.Context, a *access, out *forwarder, e *heardEvent) {
	report := listenReport{Event: e.ID.String(), Type: e.Type, Version: e.Version, Body: e.body}
	if out.url != "" {
		e.attempts++
		report.Attempt = e.attempts
		took, err := out.post(ctx, e, &report.Status)
		report.DurationMs = took.Milliseconds()
		if err != nil {
			report.Error = oneLine(err)
		}
	}
	if a.json {
		_ = a.printJSON(report, "")
		return
	}
	line := fmt.Sprintf("%s  %s  %s %s", time.Now().Format(time.TimeOnly), report.Event, report.Type, report.Version)
	switch {
	case report.Error != "":
		line += "  " + report.Error
	case report.Attempt > 0:
		line += fmt.Sprintf("  HTTP %d in %d ms", report.Status, report.DurationMs)
	}
	fmt.Fprintln(a.stdout, printable(line))
	if l.Body {
		fmt.Fprintln(a.stdout, printableLines(indented(e.body)))
	}
}
