package webhooks_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks"
)

// The last published events are compared as they would be with a subscription.
func TestTestFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.newType("vitals.observation.created", "v2")
	w.newType("labs.ready", "v1")
	for range 20 {
		w.publish(`{"rate": 0}`) // too old to be compared
	}
	gone := w.publish(`{"rate": 200}`)
	w.must(w.Dispatcher.Expunge(t.Context(), w.org, gone.ID))
	for _, e := range []webhooks.Event{
		event(`{"rate": 150}`), event(`{"rate": 90}`),
		{Type: "vitals.observation.created", Version: "v2", Data: json.RawMessage(`{"rate": 150}`)},
		{Type: "labs.ready", Data: json.RawMessage(`{"rate": 150}`)},
	} {
		_, err := w.Dispatcher.Publish(t.Context(), w.org, e)
		w.must(err)
	}
	high := webhooks.Filter{{Pointer: "/rate", Op: "gt", Value: []byte("120")}}
	for name, c := range map[string]struct {
		in   webhooks.SubscriptionInput
		want []webhooks.Reason // of the newest events
	}{
		"AllTypes": {webhooks.SubscriptionInput{Filter: high}, []webhooks.Reason{"", "", webhooks.Filtered, "", webhooks.PayloadRemoved}},
		"OneType": {
			webhooks.SubscriptionInput{Filter: high, Events: []string{"vitals.*"}},
			[]webhooks.Reason{webhooks.NotSubscribed, webhooks.OtherVersion, webhooks.Filtered, "", webhooks.PayloadRemoved},
		},
		"NoFilter": {
			webhooks.SubscriptionInput{Events: []string{"*"}, Version: "v2"},
			[]webhooks.Reason{webhooks.OtherVersion, "", webhooks.OtherVersion, webhooks.OtherVersion, webhooks.OtherVersion},
		},
	} {
		found, err := w.Subscriptions.TestFilter(t.Context(), w.org, c.in)
		w.must(err)
		var got []webhooks.Reason
		for _, r := range found {
			got = append(got, r.Reason)
		}
		if len(got) != 20 || !slices.Equal(got[:len(c.want)], c.want) || found[3].Message.Type != "vitals.observation.created" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTestFilterRefusesABadFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for field, in := range map[string]webhooks.SubscriptionInput{
		"/filter/0/op": {Filter: webhooks.Filter{{Pointer: "/a", Op: "like", Value: []byte("1")}}},
		"/events/0":    {Events: []string{"no.such"}},
	} {
		_, err := w.Subscriptions.TestFilter(t.Context(), w.org, in)
		if v, ok := errors.AsType[*webhooks.ValidationError](err); !ok || v.Fields[0].Pointer != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTestFilterReadsABoundedNumberOfBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := `"` + strings.Repeat("x", 900_000) + `"`
	for range 8 {
		w.publish(large)
	}
	found, err := w.Subscriptions.TestFilter(t.Context(), w.org, webhooks.SubscriptionInput{})
	w.must(err)
	read := slices.IndexFunc(found, func(r webhooks.FilterResult) bool { return r.Reason == webhooks.TooLarge })
	if read != 5 || found[7].Reason != webhooks.TooLarge { // 4.5 of 4 MiB
		t.Errorf("%d of %d events were read", read, len(found))
	}
}
