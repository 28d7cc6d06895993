package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// Both ways are the same code on the same handler, so the outputs are the same.
func TestCommandsShowTheSameOverRESTAndOnTheStore(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	event := o.publish(o.ways("webhooks:admin")["store"])
	o.settled(event)
	want, err := os.ReadFile("testdata/commands.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	for way, environ := range o.ways("webhooks:admin") {
		var all strings.Builder
		for _, args := range [][]string{
			{"subscriptions", "list"},
			{"subscriptions", "list", "--limit=1", "--json"},
			{"subscriptions", "show", o.bad.ID.String()},
			{"subscriptions", "show", o.good.ID.String(), "--json"},
			{"events", "list", "--limit=1"},
			{"events", "list", "--limit=1", "--json"},
			{"events", "show", event},
			{"events", "explain", event},
			{"events", "explain", event, "--json"},
			{"recover", o.bad.ID.String(), "--since=1h", "--status=all", "--dry-run"},
			{"seed", "check", "seed"},
		} {
			r := o.run(environ, args...)
			fmt.Fprintf(&all, "$ %s\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
			if r.code != 0 {
				t.Errorf("%s: %v: exit %d: %s", way, args, r.code, r.stderr)
			}
		}
		got := stable(all.String())
		if *update {
			o.check(os.WriteFile("testdata/commands.txt", []byte(got), 0o600))
			want = []byte(got)
		}
		if got != string(want) {
			t.Errorf("%s: the output is not testdata/commands.txt (-update writes it):\n%s", way, got)
		}
	}
}

func TestAnAttemptIsShownWithItsOutcome(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	for way, environ := range o.ways("webhooks:admin") {
		event := o.publish(environ)
		o.settled(event)
		var shown struct {
			Activations []struct {
				ID           string
				Subscription struct{ ID string }
			}
		}
		o.json(o.run(environ, "events", "show", event, "--json"), &shown)
		attempts := map[string]string{}
		for _, a := range shown.Activations {
			attempts[a.Subscription.ID] = a.ID
		}
		good, bad := o.good.ID.String(), o.bad.ID.String()
		typed, broken := "--event-type=vitals.observation.created", "response  broken\uFFFD[31m"
		for _, c := range []struct {
			args []string
			code int
			want []string
		}{
			{[]string{"subscriptions", "test", good}, 0, []string{"status    succeeded", "code      200"}},
			{[]string{"subscriptions", "test", bad, typed}, exitFailed, []string{"status    failed", "code      500", broken, "failed: HTTP 500"}},
			{[]string{"retry", good, attempts[good]}, 0, []string{"number    2", "status    succeeded"}},
			{[]string{"retry", bad, attempts[bad]}, exitFailed, []string{"status    failed"}},
			{[]string{"retry", good, attempts[good], "--no-wait"}, 0, []string{"attempt"}},
			{[]string{"subscriptions", "enable", bad}, 0, []string{"state         enabled"}},
		} {
			r := o.run(environ, c.args...)
			for _, want := range c.want {
				if r.code != c.code || !strings.Contains(r.stdout+r.stderr, want) {
					t.Errorf("%s: %v: exit %d, want %d and %q:\n%s%s", way, c.args, r.code, c.code, want, r.stdout, r.stderr)
				}
			}
		}
	}
}

// Without a dispatcher a command says that nothing is sent.
func TestAnAttemptWithoutOutcomeIsAFailure(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.check(o.hooks.Dispatcher.Stop(t.Context()))
	r := o.run(o.ways("webhooks:admin")["store"], "subscriptions", "test", o.good.ID.String(), "--wait=1ms")
	if r.code != exitFailed || !strings.Contains(r.stderr, "does a dispatcher run?") || !strings.Contains(r.stdout, "pending") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// A subscription that is switched off is the cause, and no time is waited for.
func TestAnAttemptToASubscriptionThatIsOffNamesTheCause(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	for way, environ := range o.ways("webhooks:admin") {
		o.check(o.hooks.Subscriptions.Deactivate(t.Context(), uuid.MustParse(operatedOrg), o.good.ID))
		r := o.run(environ, "subscriptions", "test", o.good.ID.String(), "--wait=1h")
		if !r.says(exitFailed, "because the subscription is paused: subscriptions enable", "status    pending") {
			t.Errorf("%s: exit %d: %s%s", way, r.code, r.stdout, r.stderr)
		}
		o.check(o.hooks.Subscriptions.Activate(t.Context(), uuid.MustParse(operatedOrg), o.good.ID))
		<-o.received
	}
}

func TestRecoverWaitsUntilAllIsQueued(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	for way, environ := range o.ways("webhooks:admin") {
		o.check(o.hooks.Subscriptions.Deactivate(t.Context(), uuid.MustParse(operatedOrg), o.good.ID))
		o.publish(environ)
		o.check(o.hooks.Subscriptions.Activate(t.Context(), uuid.MustParse(operatedOrg), o.good.ID))
		for args, want := range map[string]string{
			"--status=missed --since=1h --until=2020-01-02T15:04:05Z": "/since: must be before until",
			"--status=missed --since=5m --dry-run":                    "matched  1",
		} {
			r := o.run(environ, append([]string{"recover", o.good.ID.String()}, strings.Fields(args)...)...)
			if !strings.Contains(r.stdout+r.stderr, want) {
				t.Errorf("%s: %s: %s%s", way, args, r.stdout, r.stderr)
			}
		}
		r := o.run(environ, "recover", o.good.ID.String(), "--status=missed", "--since=5m")
		if r.code != 0 || !strings.Contains(r.stdout, "state     done") || !strings.Contains(r.stdout, "queued    1") {
			t.Errorf("%s: exit %d: %s%s", way, r.code, r.stdout, r.stderr)
		}
		<-o.received
	}
}

// Ctrl-C ends the command, not the recovery.
func TestARecoveryGoesOnWithoutTheCommand(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.check(o.hooks.Dispatcher.Stop(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out lockedBuffer
	code := make(chan int)
	go func() {
		h := &host{environ: o.ways("")["store"], stdout: &out, stderr: &out}
		code <- h.run(ctx, []string{"recover", o.good.ID.String(), "--since=1h"})
	}()
	running := func() bool {
		now, err := o.db.Measure(t.Context(), 10)
		return err == nil && now.RunningRecoveries == 1
	}
	within(t, running)
	cancel()
	if got := <-code; got != exitFailed || !strings.Contains(out.String(), "goes on without this command") || !running() {
		t.Errorf("exit %d: %s", got, &out)
	}
}

func TestPublishTakesDataFromThreePlaces(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	file := filepath.Join(t.TempDir(), "data.json")
	o.check(os.WriteFile(file, []byte(observation), 0o600))
	for way, environ := range o.ways("webhooks:write") {
		for i, place := range [][]string{{observation}, {"-"}, {"--file=" + file}} {
			var out strings.Builder
			args := append([]string{"publish", "vitals.observation.created", "--idempotency-key=" + way + fmt.Sprint(i)}, place...)
			for _, want := range []string{"duplicate   false", "duplicate   true"} {
				out.Reset()
				h := &host{environ: environ, stdin: strings.NewReader(observation), stdout: &out, stderr: &out}
				r := result{code: h.run(t.Context(), args), stdout: out.String()}
				if !r.says(0, want, "deliveries  2") {
					t.Errorf("%s: %v: %v", way, place, r)
				}
			}
			if got := <-o.received; !strings.HasSuffix(got.body, `"data":`+observation+"}") {
				t.Errorf("%s: %v: sent %s", way, place, got.body)
			}
		}
	}
}
