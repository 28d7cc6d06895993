package webhooks_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

const credential = "Bearer of a customer's credential"

// withHeaders adds a subscription with a credential, and returns it.
func withHeaders(t *testing.T, w *webhooks.Webhooks, org uuid.UUID) webhooks.Subscription {
	t.Helper()
	sub, _, err := w.Subscriptions.Create(t.Context(), org, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Headers: map[string]string{"Authorization": credential},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// storedHeader returns the header of the first subscription as the store has it.
func (k *keys) storedHeader() string {
	k.t.Helper()
	rows, err := k.SubscriptionHeaders(k.t.Context(), uuid.Nil, 9)
	if err != nil || len(rows) == 0 {
		k.t.Fatal(rows, err)
	}
	return rows[0].Headers["Authorization"]
}

func TestHeadersAreEncryptedInTheStore(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	w := k.open(key(1))
	sub := withHeaders(t, w, k.org)
	if stored := k.storedHeader(); stored == "" || strings.Contains(stored, "Bearer") || strings.Contains(stored, credential) {
		t.Errorf("the store has %q", stored)
	}
	if sub.Headers["Authorization"] != credential {
		t.Errorf("the subscription has %q", sub.Headers)
	}
	updated, err := w.Subscriptions.Update(t.Context(), k.org, sub.ID, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
		in.Description = in.Headers["Authorization"]
		return nil
	})
	if err != nil || updated.Description != credential || updated.Headers["Authorization"] != credential {
		t.Errorf("the update sees %+v, %v", updated, err)
	}
	list, err := w.Subscriptions.List(t.Context(), k.org, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 1}})
	if err != nil || list.Items[0].Headers["Authorization"] != credential {
		t.Errorf("the list has %+v, %v", list, err)
	}
	if stored := k.storedHeader(); strings.Contains(stored, "Bearer") {
		t.Errorf("after the update the store has %q", stored)
	}
}

func TestDeliveryHasTheDecryptedHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *webhooks.Config) { c.SecretKeys = [][]byte{key(1)} })
		_, _, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{
			PostURI: "https://example.com/hook", Events: []string{"*"}, Headers: map[string]string{"Authorization": credential},
		})
		w.must(err)
		w.must(w.Dispatcher.Start(t.Context()))
		pollOnce()
		w.publish("1")
		pollOnce()
		w.must(w.Dispatcher.Stop(t.Context()))
		if sent := w.sent(); len(sent) != 1 || sent[0].Header.Get("Authorization") != credential {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestHeadersInTheClearStayReadableAndAreRotated(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	sub := withHeaders(t, k.open(), k.org)
	if k.storedHeader() != credential {
		t.Errorf("without keys the store has %q", k.storedHeader())
	}
	for _, ring := range [][][]byte{{key(1)}, {key(2), key(1)}, {key(2)}} {
		w := k.open(ring...)
		got, err := w.Subscriptions.Get(t.Context(), k.org, sub.ID)
		if err != nil || got.Headers["Authorization"] != credential || len(got.Damaged) > 0 {
			t.Errorf("with %d keys: %+v, %v", len(ring), got, err)
		}
		before := k.storedHeader()
		done, err := w.Keys().Rotate(t.Context())
		if want := map[bool]int{true: 1}[k.storedHeader() != before]; err != nil || done.Subscriptions != want {
			t.Errorf("rotated %+v, %v", done, err)
		}
		if strings.Contains(k.storedHeader(), "Bearer") {
			t.Errorf("after the rotation the store has %q", k.storedHeader())
		}
	}
	if got, _ := k.open(key(2)).Subscriptions.Get(t.Context(), k.org, sub.ID); got.Headers["Authorization"] != credential {
		t.Errorf("with the last key alone: %+v", got)
	}
}

func TestMissingKeyOfHeadersIsFound(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	withHeaders(t, k.open(key(1)), k.org)
	w := k.open(key(2), key(1))
	if _, err := w.Keys().Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, _ := k.SubscriptionHeaders(t.Context(), uuid.Nil, 1)
	old := webhooks.Config{SecretKeys: [][]byte{key(1)}}
	_ = old
	if err := k.open(key(2)).Keys().Check(t.Context()); err != nil {
		t.Errorf("with the key: %v", err)
	}
	// The secret opens with key 3, and the header with key 2 alone.
	other := &keys{Store: memstore.New(), t: t, org: k.org}
	sub := withHeaders(t, other.open(key(3)), k.org)
	rows[0].SubscriptionID, rows[0].Revision = sub.ID, 1
	if n, err := other.ReplaceHeaders(t.Context(), rows); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	wantErr(t, other.open(key(3)).Keys().Check(t.Context()), webhooks.ErrMissingKey)
	_, err := other.open(key(3)).Keys().Rotate(t.Context())
	wantErr(t, err, webhooks.ErrMissingKey)
}

// A stored value that was copied from another subscription, or that was changed, does not open.
func TestHeadersThatDoNotOpenAreDamagedAndKept(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	w := k.open(key(1))
	first, second := withHeaders(t, w, k.org), withHeaders(t, w, k.org)
	rows, err := k.SubscriptionHeaders(t.Context(), uuid.Nil, 9)
	if err != nil {
		t.Fatal(err)
	}
	copied := rows[0]
	copied.SubscriptionID = second.ID
	if n, err := k.ReplaceHeaders(t.Context(), []store.SubscriptionHeaders{copied}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	got, err := w.Subscriptions.Get(t.Context(), k.org, second.ID)
	if err != nil || got.Headers != nil || len(got.Damaged) != 1 || got.Damaged[0] != store.MemberHeaders {
		t.Errorf("the subscription is %+v, %v", got, err)
	}
	if got, _ := w.Subscriptions.Get(t.Context(), k.org, first.ID); got.Headers["Authorization"] != credential {
		t.Errorf("the first one is %+v", got)
	}
	set := func(headers map[string]string) webhooks.Subscription {
		got, err := w.Subscriptions.Update(t.Context(), k.org, second.ID, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
			in.Description, in.Headers = "changed", headers
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	set(nil)
	rows, _ = k.SubscriptionHeaders(t.Context(), first.ID, 9)
	if len(rows) != 1 || rows[0].Headers["Authorization"] != copied.Headers["Authorization"] {
		t.Errorf("an update of another member left %+v", rows)
	}
	if got := set(map[string]string{"X-New": "1"}); len(got.Damaged) > 0 || got.Headers["X-New"] != "1" {
		t.Errorf("overwritten it is %+v", got)
	}
}
