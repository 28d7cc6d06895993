package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/webhookstest"
)

// TestPagesAreAsReviewed compares six pages with the ones in testdata. go test ./portal -run AsReviewed -update writes them: look at
// the difference.
func TestPagesAreAsReviewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // in its bubble the time begins at the same moment in each run
		for name, text := range reviewedPages(t) {
			golden := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if reviewed, err := os.ReadFile(golden); err != nil || string(reviewed) != text {
				t.Errorf("%s (%v) is not as reviewed: run go test ./portal -run AsReviewed -update, and look at the difference", golden, err)
			}
		}
	})
}

// reviewedPages returns pages of an organization with a working and a failing endpoint, by name.
func reviewedPages(t *testing.T) map[string]string {
	t.Helper()
	kit := webhookstest.New(t, webhookstest.PackageTime(), webhookstest.WithSchedule(time.Minute))
	org := uuid.MustParse("0190a1b2-0000-7000-8000-00000000acce")
	paid := kit.EventType("order.paid",
		`{"type":"object","properties":{"orderId":{"type":"string"},"amount":{"type":"number"}},"required":["orderId"]}`)
	good := kit.Subscribe(org, "order.*", func(in *webhooks.SubscriptionInput) { in.Description = "Order desk" })
	time.Sleep(time.Second) // the order of the endpoints is that of their times
	bad := kit.Subscribe(org, "order.paid", func(in *webhooks.SubscriptionInput) { in.Description = "Warehouse" })
	bad.RetryAfter(20 * time.Minute) // exact, while the waits of a schedule are spread at random
	made, err := kit.Hooks.Dispatcher.Publish(t.Context(), org, webhooks.Event{
		Type: "order.paid", Data: map[string]any{"orderId": "A-1", "amount": 1.50},
	})
	if err != nil {
		t.Fatal(err)
	}
	kit.WaitIdle(t)
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	handler, err := portal.New(kit.Hooks, portal.Config{Authenticate: func(*http.Request) (httpapi.Caller, error) {
		return httpapi.Caller{Subject: "dora", Organizations: []uuid.UUID{org}, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, handler: handler, header: http.Header{}, ctx: func() context.Context { return t.Context() }}
	deliveries, err := kit.Hooks.Subscriptions.Deliveries(t.Context(), webhooks.HistoryQuery{
		OrganizationID: org, SubscriptionID: bad.Subscription.ID, Page: webhooks.Page{Take: 1},
	})
	if err != nil || len(deliveries.Items) != 1 {
		t.Fatalf("%v, %v", deliveries, err)
	}
	at := "/organizations/" + org.String()
	pages := map[string]string{
		"endpoints":  at + "/endpoints",
		"endpoint":   at + "/endpoints/" + good.Subscription.ID.String(),
		"delivery":   at + "/endpoints/" + bad.Subscription.ID.String() + "/deliveries/" + deliveries.Items[0].ID.String(),
		"event":      at + "/events/" + made.ID.String(),
		"event_type": at + "/catalog/" + paid.CategoryID.String() + "/" + paid.ID.String(),
		"overview":   "/operations/overview",
	}
	for name, path := range pages {
		pages[name] = stable(s.get(path).is(http.StatusOK).text)
	}
	return pages
}

var (
	ids       = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	hash      = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
	signature = regexp.MustCompile(`v1,[A-Za-z0-9+/&#;]{40,}={0,2}`)
	assetHash = regexp.MustCompile(`(/assets/[a-z.]+)-[0-9a-f]{12}`)
)

// stable returns a page with the number of each id in the order of the page, and without signatures and hashes.
func stable(page string) string {
	known := map[string]string{}
	page = ids.ReplaceAllStringFunc(page, func(id string) string {
		if known[id] == "" {
			known[id] = fmt.Sprintf("id-%d", len(known)+1)
		}
		return known[id]
	})
	page = hash.ReplaceAllString(page, "hash")
	return assetHash.ReplaceAllString(signature.ReplaceAllString(page, "v1,signature"), "$1")
}
