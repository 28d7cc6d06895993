package delivery_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// lines returns the lines with the text.
func (l *logged) lines(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// expectLine checks that one line has the text, and all parts.
func (l *logged) expectLine(t *testing.T, text string, parts ...string) {
	t.Helper()
	found := l.lines(text)
	if len(found) != 1 {
		t.Fatalf("%q: %d lines, want 1: %q", text, len(found), found)
	}
	for _, part := range parts {
		if !strings.Contains(found[0], part) {
			t.Errorf("%q lacks %q", found[0], part)
		}
	}
}

func TestEachChangeOfStateIsALineOfTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newWorld(t), &logged{}
		debug := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		sub := w.subscribe(newID())
		statuses := append(make([]int, delivery.CircuitAfter), 200, 410)
		for i := range delivery.CircuitAfter {
			statuses[i] = 500
		}
		e := w.engine(&script{statuses: statuses}, func(c *delivery.Config) { c.Logger, c.Schedule = debug, delivery.Schedule{} })
		w.must(e.Start(t.Context()))
		for range statuses { // one after the other
			w.publish(sub.OrganizationID, 1)
			settle()
			time.Sleep(10 * time.Minute)
		}
		w.must(e.Stop(t.Context()))

		ids := []string{"organizationId=" + sub.OrganizationID.String(), "subscriptionId=" + sub.ID.String()}
		log.expectLine(t, "circuit opened", append(ids, "level=INFO", `reason="HTTP 500"`)...)
		log.expectLine(t, "circuit closed", append(ids, "level=INFO")...)
		log.expectLine(t, "subscription deactivated", append(ids, "level=WARN", "410 Gone")...)
		if n := log.count("failed for good"); n != delivery.CircuitAfter+1 {
			t.Errorf("%d lines about deliveries that failed for good, want %d", n, delivery.CircuitAfter+1)
		}
		attempts := w.attempts(sub)
		for _, a := range attempts {
			log.expectLine(t, "attempt ended\" organizationId="+sub.OrganizationID.String()+" subscriptionId="+sub.ID.String()+
				" messageId="+a.MessageID.String()+" attemptId="+a.ID.String(), "level=DEBUG", "number=1", "status="+a.Status.String())
		}
	})
}

func TestALostLeaseIsALineOfTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newWorld(t), &logged{}
		sub := w.subscribe(newID())
		hangs := newHungSender()
		e := w.engine(hangs, func(c *delivery.Config) { c.Logger = log.logger() })
		w.publish(sub.OrganizationID, 1)
		w.must(e.Start(t.Context()))
		settle()
		a := w.attempts(sub)[0]
		_, err := w.store.Report(t.Context(), a.OrganizationID, sub.ID, a.ID, func(store.Attempt) (*store.Report, error) {
			return &store.Report{Status: store.Succeeded, At: now()}, nil
		})
		w.must(err)
		close(hangs.letGo)
		settle()
		log.expectLine(t, "lease lost", "level=INFO", "attemptId="+a.ID.String(), "messageId="+a.MessageID.String())
		w.must(e.Stop(t.Context()))
	})
}

func TestTheEndOfARecoveryIsALineOfTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newWorld(t), &logged{}
		sub := w.subscribe(newID())
		job := store.Recovery{
			ID: newID(), OrganizationID: sub.OrganizationID, SubscriptionID: sub.ID, Scope: store.RecoverAll,
			Since: now().Add(-time.Hour), Until: now(), CreatedAt: now(), Matched: 3,
		}
		w.must(w.store.CreateRecovery(t.Context(), job))
		e := w.engine(answer(200), func(c *delivery.Config) { c.Logger = log.logger() })
		w.must(e.Start(t.Context()))
		settle()
		w.must(e.Stop(t.Context()))
		log.expectLine(t, "recovery ended", "level=INFO", "organizationId="+sub.OrganizationID.String(),
			"subscriptionId="+sub.ID.String(), "recoveryId="+job.ID.String(), "state=done", "matched=3", "queued=0")
	})
}
