package webhooks_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

func TestRecoverSendsAgainWhatFailedAndWhatWasMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *webhooks.Config) { c.RetrySchedule = []time.Duration{time.Second} })
		s := w.subscribe("*")
		start := time.Now()
		w.must(w.Dispatcher.Start(t.Context()))
		settle()
		w.answer(500)
		failed := []uuid.UUID{w.publish("1").ID, w.publish("2").ID}
		pass(time.Minute)
		w.must(w.Subscriptions.Deactivate(t.Context(), w.org, s.ID))
		missed := w.publish("3").ID
		w.must(w.Subscriptions.Activate(t.Context(), w.org, s.ID))
		w.answer(200)
		fine := w.publish("4").ID
		pass(time.Minute)
		before := len(w.sent())

		in := webhooks.RecoveryInput{Since: start, Scope: webhooks.RecoverAll}
		n, err := w.Dispatcher.CountRecoverable(t.Context(), w.org, s.ID, in)
		if err != nil || n != 3 {
			t.Errorf("%d are to be recovered, want 3, %v", n, err)
		}
		job, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in)
		w.must(err)
		pass(time.Minute)
		times := map[string]int{}
		sent := w.sent()[before:]
		for _, r := range sent {
			times[r.Header.Get(signing.HeaderID)]++
		}
		if len(sent) != 3 || times[failed[0].String()] != 1 || times[failed[1].String()] != 1 || times[missed.String()] != 1 {
			t.Errorf("posted %v, want %v and %v once each, and not %v", times, failed, missed, fine)
		}
		job, err = w.Dispatcher.Recovery(t.Context(), w.org, s.ID, job.ID)
		if err != nil || job.State != webhooks.RecoveryDone || job.Queued != 3 {
			t.Errorf("the job is %+v, %v", job, err)
		}
		if n, err := w.Dispatcher.CountRecoverable(t.Context(), w.org, s.ID, in); err != nil || n != 0 {
			t.Errorf("%d are left, %v", n, err)
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

// pass lets fake time pass and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// settle lets the dispatcher look for work once: what is published then is handed off
// or wakes it.
func settle() { pass(time.Second) }

func TestPostGoesToOneSubscriptionAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.subscribe("*")
		s, _, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{PostURI: "https://example.com/alone"})
		w.must(err)
		w.must(w.Dispatcher.Start(t.Context()))
		a, err := w.Dispatcher.Post(t.Context(), w.org, s.ID, webhooks.PostInput{Type: w.typ.Code, Data: json.RawMessage(`{ "n": 1.0 }`), Source: []byte(`{"raw": true}`)})
		w.must(err)
		if string(a.Source) != `{"raw":true}` || a.Type != webhooks.FirstPost {
			t.Errorf("the attempt is %+v", a)
		}
		pass(time.Minute)
		if len(w.sent()) != 1 || w.sent()[0].URL.Path != "/alone" || w.sent()[0].Header.Get(signing.HeaderID) != a.MessageID.String() {
			t.Errorf("posted %v", w.sent())
		}
		list, err := w.Dispatcher.Messages(t.Context(), w.org, webhooks.Page{Take: 10})
		if err != nil || list.Total != 0 {
			t.Errorf("%d messages are listed as published, %v", list.Total, err)
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

func TestReportOfAFailureInTheQueueKeepsTheSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		w.publish("1")
		first := w.attempts(s)[0]
		report := webhooks.ReportInput{DeliveryID: first.ID, HTTPStatus: 500, Error: "HTTP 500"}
		got, err := w.Dispatcher.Report(t.Context(), w.org, s.ID, first.ID, report)
		w.must(err)
		if wait := got.NextRetryAt.Sub(got.PostedAt); wait < 48*time.Second || wait > 72*time.Second {
			t.Errorf("the next retry is due after %v, want a minute ± 20 %%", wait)
		}
		w.must(w.Dispatcher.Start(t.Context()))
		pass(10 * time.Second)
		if len(w.sent()) != 0 {
			t.Error("what was reported is sent all the same")
		}
		pass(2 * time.Minute)
		if len(w.sent()) != 1 || w.sent()[0].Header.Get("X-Webhook-Attempt") != "2" {
			t.Errorf("posted %v, want the retry", w.sent())
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

func TestFilterChoosesByData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := webhooks.SubscriptionInput{PostURI: "https://example.com/", Events: []string{"*"}, Filter: webhooks.Filter{{Pointer: "/patient/ward", Op: "eq", Value: []byte(` "icu" `)}}}
	s, _, err := w.Subscriptions.Create(t.Context(), w.org, in)
	w.must(err)
	if string(s.Filter[0].Value) != `"icu"` {
		t.Errorf("the filter is kept as %s", s.Filter[0].Value)
	}
	for data, want := range map[string]int{`{"patient":{"ward":"icu"}}`: 1, `{"patient":{"ward":"er"}}`: 0, `{}`: 0, `1`: 0} {
		if p := w.publish(data); p.Deliveries != want {
			t.Errorf("%s makes %d deliveries, want %d", data, p.Deliveries, want)
		}
	}
	for _, bad := range []webhooks.Condition{
		{Pointer: "/a~2", Op: "eq", Value: []byte("1")},
		{Pointer: "a", Op: "eq", Value: []byte("1")},
	} {
		_, _, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{Filter: webhooks.Filter{bad}})
		wantFault(t, err, webhooks.Invalid, "/filter/0/pointer")
	}
	for op, value := range map[webhooks.Op]string{"in": "1", "prefix": "1", "exists": `"yes"`, "lt": "true", "gt": "null", "eq": "{"} {
		_, _, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{Filter: webhooks.Filter{{Op: op, Value: []byte(value)}}})
		wantFault(t, err, webhooks.Invalid, "/filter/0/value")
	}
}

func TestStatsAreOfWhatWasPosted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		from := time.Now().UTC().Round(0)
		for i := range 100 {
			w.publish("1")
			jobs, _, err := w.store.Claim(t.Context(), store.ClaimOptions{Max: 1, Lease: time.Minute})
			w.must(err)
			_, err = w.store.Record(t.Context(), []store.Outcome{{
				Lease: jobs[0].Lease, Status: webhooks.Succeeded, PostedAt: from.Add(time.Duration(i) * time.Minute),
				Duration: time.Duration(100-i) * time.Millisecond, HTTPStatus: 200, At: from.Add(time.Hour),
			}})
			w.must(err)
		}
		stats, err := w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{From: from, To: from.Add(2 * time.Hour)})
		w.must(err)
		want := webhooks.StatsBucket{
			From: from, Attempts: 100, Succeeded: 100,
			P50: 50 * time.Millisecond, P95: 95 * time.Millisecond, P99: 99 * time.Millisecond,
		}
		if stats.Total != want || len(stats.Items) != 2 || stats.Items[0].Attempts != 60 || stats.Items[1].P50 != 20*time.Millisecond {
			t.Errorf("got %+v", stats)
		}
		weeks, err := w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{From: from, To: from.Add(2 * time.Hour), Bucket: 7 * 24 * time.Hour})
		if err != nil || len(weeks.Items) != 1 || weeks.Items[0].Attempts != 100 {
			t.Errorf("by the week: %+v, %v", weeks.Items, err)
		}
		_, err = w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{From: from, To: from})
		wantFault(t, err, webhooks.Invalid, "/from")
		_, err = w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{From: from, To: from.Add(time.Hour * webhooks.MaxBuckets * 2)})
		wantFault(t, err, webhooks.Invalid, "/from")
	})
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range webhooks.Examples() {
		var object map[string]any
		if err := json.Unmarshal(webhooks.Example(name), &object); err != nil || len(object) < 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if webhooks.Example("../go") != nil || webhooks.Example("") != nil {
		t.Error("there is an example without a name")
	}
}
