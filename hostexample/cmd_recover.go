package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/ecg-api/webhooks/client"
)

// recoverCmd queues failed or missed deliveries again.
type recoverCmd struct {
	subscriptionArg
	Since  point         `help:"Beginning of the time of publication: a duration before now such as 12h or 7d, or a time such as 2026-01-02T15:04:05Z." required:""`
	Until  point         `help:"End of the time of publication, as --since. Default: now."`
	Status recoverStatus `help:"failed: deliveries that failed; missed: events that were published while the subscription was inactive; or all." default:"failed"`
	Rate   count         `help:"Deliveries that are queued per second, at most 10000. Default: as fast as possible."`
	DryRun bool          `help:"Only print what would be done."`
	NoWait bool          `help:"Only begin the recovery."`
}

func (r *recoverCmd) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &r.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	now := time.Now()
	in := client.RecoveryInput{
		Since: r.Since.at(now), Until: r.Until.at(now), Scope: client.RecoveryScope(r.Status), DryRun: r.DryRun, RatePerSecond: int(r.Rate),
	}
	begun, err := a.Dispatcher.Recover(ctx, string(r.Org), r.Subscription.UUID, in)
	if err != nil {
		return plain(err)
	}
	if r.DryRun || r.NoWait {
		return a.print(begun, func(w *tabwriter.Writer) {
			if !r.DryRun {
				row(w, "recovery", begun.ID)
			}
			row(w, "matched", begun.Matched)
		})
	}
	return a.follow(ctx, r, begun)
}

// follow shows the progress of a recovery until it has ended.
func (a *access) follow(ctx context.Context, r *recoverCmd, begun client.RecoveryStarted) error {
	shown := a.progress("recovery " + begun.ID.String())
	for {
		now, err := a.Dispatcher.Recovery(ctx, string(r.Org), r.Subscription.UUID, begun.ID)
		if err == nil && now.State != client.RecoveryRunning {
			shown.end()
			err := a.print(now, func(w *tabwriter.Writer) {
				row(w, "recovery", now.ID)
				row(w, "state", now.State)
				row(w, "matched", now.Matched)
				row(w, "queued", now.Queued)
				row(w, "finished", now.FinishedAt)
			})
			if err == nil && now.State != client.RecoveryDone {
				err = fmt.Errorf("the recovery is %s", now.State)
			}
			return err
		}
		if err == nil {
			shown.step(now.Queued, now.Matched)
			err = waitFor(ctx, pollInterval)
		}
		if ctx.Err() != nil {
			shown.end()
			return fmt.Errorf("recovery %s goes on without this command", begun.ID)
		}
		if err != nil {
			return plain(err)
		}
	}
}

// recoverStatus is a scope of a recovery.
type recoverStatus string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *recoverStatus) UnmarshalText(text []byte) error {
	switch *s = recoverStatus(text); *s {
	case "failed", "missed", "all":
		return nil
	}
	return fmt.Errorf("is %q, must be failed, missed or all", text)
}

// point is a time, or a duration before now.
type point struct {
	time   time.Time
	before wait
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *point) UnmarshalText(text []byte) (err error) {
	if p.time, err = time.Parse(time.RFC3339, string(text)); err == nil {
		return nil
	}
	if err = p.before.UnmarshalText(text); err == nil {
		return nil
	}
	return fmt.Errorf("is %q, must be a duration before now such as 12h or 7d, or a time such as 2026-01-02T15:04:05Z", text)
}

// at returns the time; zero if none is set.
func (p point) at(now time.Time) time.Time {
	if p.before > 0 {
		return now.Add(-time.Duration(p.before))
	}
	return p.time
}
