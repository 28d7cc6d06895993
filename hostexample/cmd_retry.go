package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// retryCmd sends an attempt again.
type retryCmd struct {
	subscriptionArg
	Attempt recordID `arg:"" help:"Attempt, or delivery: its UUID, as events show has it."`
	waitSettings
}

func (r *retryCmd) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &r.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	made, err := a.Dispatcher.Retry(ctx, string(r.Org), r.Subscription.UUID, r.Attempt.UUID)
	if err != nil {
		return plain(err)
	}
	return a.outcome(ctx, string(r.Org), r.Subscription.UUID, made, r.waitSettings)
}

// waitSettings bound the wait for the outcome of an attempt.
type waitSettings struct {
	Wait   wait `help:"Time to wait for the outcome of the attempt." default:"20s"`
	NoWait bool `help:"Only queue the attempt."`
}

// pollInterval is the time between two looks at something that another process changes.
const pollInterval = 500 * time.Millisecond

// outcome waits until an attempt has an outcome, and prints the attempt. An attempt that failed, or
// has no outcome in time, is an error.
func (a *access) outcome(ctx context.Context, org string, subscription uuid.UUID, made client.Attempt, w waitSettings) error {
	off, err := a.switchedOff(ctx, org, subscription)
	if err != nil {
		return err
	}
	began, shown := time.Now(), a.progress("seconds that the attempt has waited")
	done := func(status client.AttemptStatus) bool { return status != client.Pending && status != client.Sending }
	for off == "" && !w.NoWait && !done(made.Status) && time.Since(began) < time.Duration(w.Wait) {
		if err := waitFor(ctx, pollInterval); err != nil {
			return err
		}
		detail, err := a.Subscriptions.Attempt(ctx, org, subscription, made.ID, client.Flat)
		if err != nil {
			return plain(err)
		}
		made = detail.Attempt
		shown.step(int(time.Since(began).Seconds()), int(time.Duration(w.Wait).Seconds()))
	}
	shown.end()
	if err := a.print(made, func(w *tabwriter.Writer) { attemptRows(w, made) }); err != nil {
		return err
	}
	switch {
	case w.NoWait || made.Status == client.Succeeded:
		return nil
	case off != "" && !done(made.Status):
		return fmt.Errorf("the attempt stays queued, because the subscription is %s: subscriptions enable sends the attempt", off)
	case !done(made.Status):
		return fmt.Errorf("the attempt has no outcome after %v and stays queued; does a dispatcher run?", time.Duration(w.Wait))
	}
	return fmt.Errorf("the attempt is %s: %s", made.Status, printable(made.Error))
}

// switchedOff returns the state of a subscription that gets nothing until it is activated, else "".
func (a *access) switchedOff(ctx context.Context, org string, subscription uuid.UUID) (client.State, error) {
	sub, err := a.Subscriptions.Get(ctx, org, subscription)
	if err != nil {
		return "", plain(err)
	}
	if state := sub.Status.State; state == client.Paused || state == client.Disabled {
		return state, nil
	}
	return "", nil
}

func attemptRows(w *tabwriter.Writer, made client.Attempt) {
	row(w, "attempt", made.ID)
	row(w, "number", made.Number)
	row(w, "status", made.Status)
	row(w, "sent", made.PostedAt)
	if made.DurationMs != nil {
		row(w, "duration", time.Duration(*made.DurationMs)*time.Millisecond)
	}
	row(w, "code", codeOf(made.HTTPStatusCode))
	row(w, "error", made.Error)
	row(w, "response", shortened(made.RawResponse))
	if !made.HeldUntil.IsZero() {
		row(w, "held until", made.HeldUntil)
	}
}

// shortened returns the beginning of a text.
func shortened(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// waitFor waits, or returns the error of ctx.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
