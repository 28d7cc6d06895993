package hostile_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

// testDispatcher edits the rows in the database without the library, and has an event
// delivered to each of them.
func testDispatcher(t *testing.T, world *internet) {
	ctx := t.Context()
	st, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "webhooks.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { _ = st.Close() })
	must(t, st.Migrate(ctx))
	ended := make(chan webhooks.Notice, 10_000)
	hooks, err := webhooks.New(st, webhooks.Config{
		RetrySchedule: []time.Duration{time.Hour}, Timeout: 20 * time.Second, AllowHTTP: true, PollInterval: 50 * time.Millisecond,
		Observer: webhooks.ObserverFunc(func(n webhooks.Notice) {
			if n.Kind == webhooks.AttemptEnded {
				ended <- n
			}
		}),
	})
	must(t, err)
	org := uuid.New()
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	must(t, err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "a", Code: "vitals.a", Version: "v1"})
	must(t, err)
	subscribe := func(url string) webhooks.Subscription {
		s, _, err := hooks.Subscriptions.Create(ctx, org, webhooks.SubscriptionInput{
			PostURI: url, Events: []string{"*"}, IsDevelopment: true, RetrySchedule: []time.Duration{20 * time.Millisecond},
		})
		must(t, err)
		return s
	}

	edited := map[string]webhooks.Subscription{}
	for _, raw := range corpus() {
		if _, twice := edited[raw]; raw != "" && !twice { // "" is a subscription that is off
			edited[raw] = subscribe("https://example.com/")
		}
	}
	tx, err := st.DB().DB.BeginTx(ctx, nil)
	must(t, err)
	for raw, s := range edited {
		_, err := tx.ExecContext(ctx, "UPDATE webhooks_subscriptions SET post_uri = ?, retry_schedule = NULL WHERE id = ?", raw, s.ID[:])
		must(t, err)
	}
	must(t, tx.Commit())
	good, two, rebinds := subscribe(allowed+"/good"), subscribe("http://two.example.com:8080/two"),
		subscribe("http://rebind.example.com:8080/busy")
	redirected := subscribe(allowed + "/redirect/" + neverSent)

	must(t, hooks.Dispatcher.Start(ctx))
	_, err = hooks.Dispatcher.Publish(ctx, org, webhooks.Event{Type: "vitals.a", Data: []byte(`{}`)})
	must(t, err)
	for range len(edited) + 6 { // two are tried again
		if n := <-ended; n.Duration > 5*time.Second {
			t.Errorf("%v", n)
		}
	}
	must(t, hooks.Dispatcher.Stop(ctx))

	attempts := func(s webhooks.Subscription) (told []string) {
		list, err := hooks.Subscriptions.Attempts(ctx, webhooks.HistoryQuery{
			OrganizationID: org, SubscriptionID: s.ID,
			Page: webhooks.Page{Take: 10},
		})
		must(t, err)
		for _, a := range list.Items {
			if !a.PostedAt.IsZero() {
				told = append(told, a.Status.String()+" "+a.Error)
			}
		}
		return told
	}
	for raw, s := range edited {
		if told, want := attempts(s), refusal(raw); len(told) != 1 || want != "" &&
			!strings.HasPrefix(told[0], webhooks.Failed.String()+" "+want) {
			t.Errorf("%q: %q, want %q", raw, told, want)
		}
	}
	for _, c := range []struct {
		s    webhooks.Subscription
		want string
	}{
		{good, "succeeded "},
		{two, "succeeded "},
		{rebinds, "failed HTTP 503, failed blocked address 10.0.0.1"},
		{redirected, "failed HTTP 307: redirects are not followed, failed HTTP 307: redirects are not followed"},
	} {
		if got := strings.Join(attempts(c.s), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.s.PostURI, got, c.want)
		}
	}
	for request, want := range map[string]int{"POST /good": 1, "POST /two": 1, "POST /busy": 1, "POST /redirect/" + neverSent: 2} {
		if got := world.takeServed(request); got != want {
			t.Errorf("%s: %d on the wire, want %d", request, got, want)
		}
	}
	world.mustBeUntouched(t)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
