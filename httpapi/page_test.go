package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

const (
	mostOfAPage = 8<<20 + 256<<10 // items of a page, and their envelope and truncated items
	large       = 1<<20 - 1000
)

// shownPage is the answer of a list.
type shownPage struct {
	Items      []map[string]any
	NextCursor string
	Total      int `json:"totalRecords"`
}

// page reads a list, and demands that the answer is not too large.
func (f *fixture) page(path string) (p shownPage) {
	f.Helper()
	if err := json.Unmarshal(f.bounded(path), &p); err != nil {
		f.Fatal(path, err)
	}
	return p
}

// bounded does not compare the answer with the OpenAPI document, which takes seconds for
// 8 MiB.
func (f *fixture) bounded(path string) []byte {
	f.Helper()
	r := httptest.NewRequest(http.MethodGet, f.fill(path), nil)
	r.Header.Set("Authorization", "Bearer admin")
	w := f.serve(r)
	if w.Code != http.StatusOK || w.Body.Len() > mostOfAPage {
		f.Fatalf("%s: status %d, %d bytes, want 200 with at most %d", path, w.Code, w.Body.Len(), mostOfAPage)
	}
	return w.Body.Bytes()
}

// isWhole reports whether an item has its large member, and demands that it says so if it
// has not.
func (f *fixture) isWhole(item map[string]any, member string) bool {
	f.Helper()
	text := fmt.Sprint(item[member])
	whole := len(text) >= large
	if truncated, _ := item["truncated"].(bool); truncated == whole || !whole && text != "<nil>" && text != "[]" {
		f.Errorf("truncated is %v of an item with a %s of %d bytes", item["truncated"], member, len(text))
	}
	return whole
}

// wholeFirst demands n items of which some, the first ones, have their large member.
func (f *fixture) wholeFirst(path string, items []map[string]any, n int, member string) {
	f.Helper()
	whole := 0
	for i, item := range items {
		if f.isWhole(item, member) {
			whole++
		} else if i < whole {
			f.Errorf("%s: item %d comes after one that is truncated", path, i)
		}
	}
	if len(items) != n || whole < 3 || whole == n {
		f.Errorf("%s: %d of %d items are whole, want the first few of %d", path, whole, len(items), n)
	}
}

// readOn demands that a list that is read with its cursors has n items, each once and with
// its large member, on several pages.
func (f *fixture) readOn(path, member string, n int) {
	f.Helper()
	seen, cursor, pages := map[any]bool{}, "", 0
	for ; cursor != "" || pages == 0; pages++ {
		p := f.page(path + "&cursor=" + cursor)
		for _, item := range p.Items {
			if !f.isWhole(item, member) {
				f.Errorf("%s: an item is truncated", path)
			}
			seen[item["id"]] = true
		}
		if cursor = p.NextCursor; len(p.Items) == 0 || pages > n {
			f.Fatalf("%s: page %d has %d items", path, pages, len(p.Items))
		}
	}
	if len(seen) != n || pages < 2 || pages > n/2 {
		f.Errorf("%s: %d items on %d pages, want %d on a few", path, len(seen), pages, n)
	}
}

func bigText(n int) string { return strings.Repeat("x", n) }

// A page of large things has at most 8 MiB, whichever way it is read.
func TestAPageIsBounded(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const n = 10
		for range n {
			_, err := f.hooks.Dispatcher.Publish(f.Context(), uuid.MustParse(orgA), webhooks.Event{Type: "vitals.measured", Data: bigText(large)})
			if err != nil {
				f.Fatal(err)
			}
		}
		for _, list := range []string{"activity", "activations"} {
			path := subs + "/{sub}/" + list + "?take=100"
			f.readOn(path, "payload", n)
			p := f.page(path + "&skip=0")
			f.wholeFirst(path, p.Items, n, "payload")
			if p.NextCursor != "" || p.Total != n {
				f.Errorf("%s: a page that was read with skip has the cursor %q, and says that there are %d", path, p.NextCursor, p.Total)
			}
		}
		f.vars["first"] = fmt.Sprint(f.page(subs + "/{sub}/activity?take=1").Items[0]["id"])
		f.finishAll()
		for range n {
			if _, err := f.hooks.Dispatcher.Retry(
				f.Context(), uuid.MustParse(orgA), uuid.MustParse(f.vars["sub"]), uuid.MustParse(f.vars["first"]),
			); err != nil {
				f.Fatal(err)
			}
		}
		for _, mode := range []string{"flat", "nested"} {
			path := subs + "/{sub}/activity/{first}?mode=" + mode
			var detail struct {
				Children []map[string]any `json:"childPostHistory"`
			}
			if err := json.Unmarshal(f.bounded(path), &detail); err != nil {
				f.Fatal(err)
			}
			f.wholeFirst(path, detail.Children, n, "payload")
		}
	})
}

// finishAll ends the attempts that are due.
func (f *fixture) finishAll() {
	f.Helper()
	for range 3 {
		f.finish(http.StatusOK, 0)
	}
}

// The event of a page's deliveries is one, and is shown with each.
func TestAnEventOfManyDeliveriesIsBounded(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		const n = 8
		for range n {
			f.subscribe()
		}
		p, err := f.hooks.Dispatcher.Publish(f.Context(), uuid.MustParse(orgA), webhooks.Event{Type: "vitals.measured", Data: bigText(large)})
		if err != nil {
			f.Fatal(err)
		}
		path := "/api/organizations/{a}/events/" + p.ID.String()
		var detail struct{ Activations []map[string]any }
		if err := json.Unmarshal(f.bounded(path), &detail); err != nil {
			f.Fatal(err)
		}
		f.wholeFirst(path, detail.Activations, n, "payload")
	})
}

// Values from before there were limits, and resources nested in each item, count too.
func TestAPageOfOtherLargeThingsIsBounded(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const n = 10
		org, sub, event := uuid.MustParse(orgA), uuid.MustParse(f.vars["sub"]), uuid.MustParse(f.vars["event"])
		category := uuid.MustParse(f.vars["category"])
		schema := []byte(`{"description":"` + bigText(large) + `"}`)
		now := time.Now().UTC().Truncate(time.Millisecond)
		lifecycle, audit := store.Lifecycle{Active: true, ActiveChangedAt: now}, store.Audit{CreatedAt: now, UpdatedAt: now}
		must := func(err error) {
			f.Helper()
			if err != nil {
				f.Fatal(err)
			}
		}
		// {sub} becomes a subscription of 1 MiB, and more subscriptions of that size are added.
		selectors := []store.Selector{{EventTypeID: event}}
		for i := range large / 2000 {
			selectors = append(selectors, store.Selector{Pattern: fmt.Sprintf("%2000d", i)})
		}
		_, err := f.store.UpdateSubscription(
			f.Context(), org, sub, now, func(s *store.Subscription) error { s.Selectors = selectors; return nil },
		)
		must(err)
		for i := range n - 1 {
			must(f.store.CreateEventType(f.Context(), store.EventType{
				ID: uuid.Must(uuid.NewV7()), CategoryID: category, Name: "n", Code: fmt.Sprint("large", i), Version: "v1", Schema: schema,
				Lifecycle: lifecycle, Audit: audit,
			}))
			id := uuid.Must(uuid.NewV7())
			must(f.store.CreateSubscription(f.Context(), store.Subscription{
				ID: id, OrganizationID: org, Version: "v1", PostURI: "https://example.com", Selectors: selectors,
				Lifecycle: lifecycle, Audit: audit,
			}, store.Secret{ID: uuid.Must(uuid.NewV7()), OrganizationID: org, SubscriptionID: id}))
			_, err := f.hooks.Subscriptions.RotateSecret(f.Context(), org, sub, nil)
			must(err)
			_, err = f.hooks.Dispatcher.Publish(f.Context(), org, webhooks.Event{Type: "vitals.measured", Data: 1})
			must(err)
		}
		f.wholeFirst("subscriptions", f.page(subs+"?take=100").Items, n, "events")
		// Two more event types are there, both small, and the first ones.
		path := "/api/webhook-categories/{category}/webhook-events?take=100&order_by=DESC"
		f.wholeFirst(path, f.page(path).Items[:n-1], n-1, "schema")

		var subscribers []map[string]any
		must(json.Unmarshal(f.bounded("/api/webhook-events/vitals.measured/subscriptions"), &subscribers))
		f.wholeFirst("subscribers", subscribers, n, "events")

		path = subs + "/{sub}/webhook-secret-histories?take=100&include=subscription"
		f.readOn(path, "subscription", n)
		_, err = f.store.UpdateEventType(f.Context(), event, func(e *store.EventType) error { e.Schema = schema; return nil })
		must(err)
		for _, include := range []string{"subscription", "event"} {
			for _, list := range []string{"activity", "activations"} {
				f.readOn(subs+"/{sub}/"+list+"?take=100&include="+include, include, n-1)
			}
		}
	})
}

// The list of the subscribers to an event has no pages, but is read in some.
func TestSubscribersAreListedOnceEach(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		const n = 201
		for range n {
			_, _, err := f.hooks.Subscriptions.Create(
				f.Context(), uuid.MustParse(orgA), webhooks.SubscriptionInput{PostURI: "https://example.com", Events: []string{"vitals.*"}},
			)
			if err != nil {
				f.Fatal(err)
			}
		}
		var found []struct{ ID string }
		if err := json.Unmarshal(f.bounded("/api/webhook-events/vitals.measured/subscriptions"), &found); err != nil {
			f.Fatal(err)
		}
		seen := map[string]bool{}
		for _, s := range found {
			seen[s.ID] = true
		}
		if len(found) != n || len(seen) != n {
			f.Errorf("%d subscribers, %d different ones, want %d", len(found), len(seen), n)
		}
	})
}
