package httpapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

// hold claims the due attempts and gives them back, like a dispatcher with a circuit breaker in the
// given state: the attempts are held for two hours.
func (f *fixture) hold(h store.Health) {
	f.Helper()
	err := f.store.UpdateHealth(f.Context(), []uuid.UUID{uuid.MustParse(f.vars["sub"])}, func(_ uuid.UUID, to *store.Health) { *to = h })
	if err != nil {
		f.Fatal(err)
	}
	jobs, _, err := f.store.Claim(f.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
	if err != nil {
		f.Fatal(err)
	}
	var deferrals []store.Deferral
	for _, j := range jobs {
		deferrals = append(deferrals, store.Deferral{Lease: j.Lease, DueAt: time.Now().Add(2 * time.Hour), Held: true})
	}
	if lost, err := f.store.Defer(f.Context(), deferrals); err != nil || len(lost) > 0 || len(jobs) == 0 {
		f.Fatal(len(jobs), lost, err)
	}
}

// heldUntil returns the members heldUntil of the answer to a GET, in their order.
func (f *fixture) heldUntil(path string) (times []string) {
	f.Helper()
	w := f.send(step{as: "read", do: "GET " + path})
	if w.Code != 200 {
		f.Fatalf("%s: %d: %s", path, w.Code, w.Body)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if until, ok := v["heldUntil"]; ok {
				times = append(times, fmt.Sprint(until))
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(parse(f.T, w.Body.String()))
	return times
}

// circuitScene makes a subscription with an open circuit, a failed delivery, {failed}, and two held
// deliveries. The next probe is allowed in an hour, at {probe}.
func circuitScene(f *fixture) {
	f.Helper()
	f.catalog()
	f.subscribe()
	publish := step{
		as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`,
		want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
	}
	f.run([]step{publish})
	f.finish(500, 0)
	list, err := f.store.Attempts(f.Context(), historyOf(f))
	if err != nil {
		f.Fatal(err)
	}
	f.vars["failed"] = list.Items[0].ID.String()
	f.run([]step{publish, publish})
	since, probe := time.Now().UTC().Add(-time.Hour), time.Now().UTC().Add(time.Hour)
	f.vars["since"], f.vars["probe"] = since.Format("2006-01-02T15:04:05.000Z"), probe.Format("2006-01-02T15:04:05.000Z")
	f.hold(store.Health{Failures: 12, Since: since, CountedUntil: since, Probes: 2, ProbeAt: probe})
}

const failingStatus = `"status": {"state": "failing", "reason": "<text>", "since": "{since}",
	"circuit": {"since": "{since}", "failures": 12, "nextProbeAt": "{probe}"}, "backPressure": null}`

func failingSubscription(secret string) string {
	return strings.Replace(
		subscriptionWith("{sub}", secret),
		`"status": {"state": "enabled", "reason": null, "since": "<time>", "circuit": null, "backPressure": null}`, failingStatus, 1,
	)
}

func TestAnOpenCircuitIsShown(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		circuitScene(f)
		const s = subs + "/{sub}"
		f.run([]step{
			{as: "admin", do: "GET " + s, status: 200, want: failingSubscription("{secret}")},
			{as: "read", do: "GET " + subs, status: 200, want: `{"items": [` + failingSubscription("<text>") + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1}`},
			{as: "write", do: "PATCH " + s, status: 200, body: `[{"op": "test", "path": "/status/circuit/failures", "value": 12}]`},
			{as: "write", do: "PATCH " + s, status: 403, body: `[{"op": "remove", "path": "/status/circuit"}]`, code: "read_only"},
			{as: "read", do: "GET " + s + "/activity?include=subscription&take=1", status: 200},
			{as: "read", do: "GET /api/webhook-events/vitals.measured/subscriptions", status: 200, want: "[" + failingSubscription("<text>") + "]"},
			{as: "read", do: "GET " + s + "/activity?status=pending&take=1", status: 200, want: `{"items": [` +
				activityOf(
					"<=held>",
					`"type": 0, "attempt": 1, "retryingFromPostId": null, `+strings.Replace(queued, `"heldUntil": null`, `"heldUntil": "{probe}"`, 1),
				) + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": "<text>"}`},
		})
		probe := f.vars["probe"]
		for path, want := range map[string]string{
			s + "/activity":                                            probe + " " + probe + " <nil>",
			s + "/activity/{held}?mode=nested":                         probe,
			s + "/activity/{failed}?mode=flat":                         "<nil>",
			s + "/activations":                                         probe + " " + probe + " <nil>",
			s + "/activations/{held}":                                  probe,
			events + "/{message}":                                      probe,
			events + "/{message}/explain":                              probe,
			s + "/activity?status=failed":                              "<nil>",
			s + "/activity?include=event&eventId={event}&order_by=ASC": "<nil> " + probe + " " + probe,
		} {
			if got := strings.Join(f.heldUntil(path), " "); got != want {
				f.Errorf("GET %s says heldUntil %s, want %s", path, got, want)
			}
		}
		f.run([]step{{as: "write", do: "POST " + s + "/deactivate", status: 200}})
		if got := strings.Join(f.heldUntil(s+"/activity?status=pending"), " "); got != "<nil> <nil>" {
			f.Errorf("of a subscription that is off, attempts are held until %s", got)
		}
	})
}

func TestBackPressureIsShown(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		circuitScene(f)
		f.run([]step{{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`}})
		until := time.Now().UTC().Add(10 * time.Minute)
		f.hold(store.Health{BackPressureSince: until.Add(-time.Hour), BackPressureUntil: until})
		f.vars["until"] = until.Format("2006-01-02T15:04:05.000Z")
		f.run([]step{{as: "admin", do: "GET " + subs + "/{sub}", status: 200, want: strings.Replace(subscriptionWith("{sub}", "{secret}"),
			`"backPressure": null`, `"backPressure": {"since": "<time>", "until": "{until}"}`, 1)}})
		for _, until := range f.heldUntil(subs + "/{sub}/activity?status=pending") {
			at, err := time.Parse(time.RFC3339, until)
			if wait := time.Until(at); err != nil || wait < time.Hour || wait > 3*time.Hour {
				f.Errorf("an attempt is held until %s, want what the dispatcher says: in 2 h", until)
			}
		}
	})
}

// A process serves the interface, and another one dispatches, on one store. The owner's test,
// retry or activation is carried out although the next probe is an hour away, and the held
// deliveries go out.
func TestTheOwnerClosesTheCircuit(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]step{
		"Test":     {as: "write", do: "POST " + subs + "/{sub}/test", status: 201},
		"Retry":    {as: "write", do: "POST " + subs + "/{sub}/activity/{failed}/retry", status: 201},
		"Activate": {as: "write", do: "POST " + subs + "/{sub}/activate", status: 200, want: `{"value": true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachStore(t, func(f *fixture) {
				circuitScene(f)
				succeeded := make(chan uuid.UUID, 10)
				dispatcher, err := webhooks.New(f.store, webhooks.Config{Sender: silent{}, Observer: webhooks.ObserverFunc(func(n webhooks.Notice) {
					if n.Kind == webhooks.AttemptEnded && n.Status == webhooks.Succeeded {
						succeeded <- n.AttemptID
					}
				})})
				if err != nil {
					f.Fatal(err)
				}
				if err := dispatcher.Dispatcher.Start(f.Context()); err != nil {
					f.Fatal(err)
				}
				f.run([]step{do})
				posts := 3 // the post that the step requested, and the two that were held
				if name == "Activate" {
					posts = 2
				}
				for n := range posts {
					select {
					case <-succeeded:
					case <-time.After(30 * time.Second):
						f.Fatalf("%d of %d attempts are sent, and none for 30 s", n, posts)
					}
				}
				if err := dispatcher.Dispatcher.Stop(context.Background()); err != nil { // the health is recorded then
					f.Error(err)
				}
				f.run([]step{
					{as: "admin", do: "GET " + subs + "/{sub}", status: 200, want: subscriptionWith("{sub}", "{secret}")},
					{as: "read", do: "GET " + subs + "/{sub}/activity?status=pending", status: 200, want: `{"items": [],
						"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0, "nextCursor": null}`},
				})
			})
		})
	}
}
