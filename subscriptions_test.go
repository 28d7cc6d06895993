package webhooks_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

func TestARefusalOfHTTPSaysWhetherTheHostAllowsIt(t *testing.T) {
	t.Parallel()
	const uri = "http://example.com/"
	for _, c := range []struct {
		allow bool
		in    webhooks.SubscriptionInput
		want  string // "" if it is accepted
	}{
		{false, webhooks.SubscriptionInput{PostURI: uri, IsDevelopment: true}, "must start with https://; this host does not allow http://"},
		{false, webhooks.SubscriptionInput{PostURI: uri}, "must start with https://; this host does not allow http://"},
		{true, webhooks.SubscriptionInput{PostURI: uri}, "must start with https://; http:// is for subscriptions marked isDevelopment"},
		{true, webhooks.SubscriptionInput{PostURI: uri, IsDevelopment: true}, ""},
		{false, webhooks.SubscriptionInput{PostURI: "ftp://example.com/", IsDevelopment: true}, "must start with https://"},
		{false, webhooks.SubscriptionInput{PostURI: uri + "#x", IsDevelopment: true}, "must not have a fragment"},
	} {
		w := newWorld(t, func(config *webhooks.Config) { config.AllowHTTP = c.allow })
		_, _, err := w.Subscriptions.Create(t.Context(), uuid.New(), c.in)
		got := ""
		if invalid, ok := errors.AsType[*webhooks.ValidationError](err); ok {
			got = invalid.Fields[0].Detail
		} else if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s with isDevelopment %v on a host that allows http: %v: %q, want %q", c.in.PostURI, c.in.IsDevelopment, c.allow, got, c.want)
		}
	}
}

func TestSubscriptionsRefuseWrongInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *webhooks.Config) {
		c.AllowHTTP, c.AllowNetworks = true, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	})
	many := map[string]string{}
	for i := range 21 {
		many["X-"+strings.Repeat("a", i+1)] = "1"
	}
	url := "https://example.com/"
	for name, c := range map[string]struct {
		in      webhooks.SubscriptionInput
		problem webhooks.Problem
		pointer string
	}{
		"http without isDevelopment": {webhooks.SubscriptionInput{PostURI: "http://example.com/"}, webhooks.Invalid, "/postUri"},
		"another scheme":             {webhooks.SubscriptionInput{PostURI: "ftp://example.com/"}, webhooks.Invalid, "/postUri"},
		"userinfo":                   {webhooks.SubscriptionInput{PostURI: "https://u:p@example.com/"}, webhooks.Invalid, "/postUri"},
		"loopback":                   {webhooks.SubscriptionInput{PostURI: "https://127.0.0.1/"}, webhooks.AddressBlocked, "/postUri"},
		"a private address":          {webhooks.SubscriptionInput{PostURI: "https://10.2.0.1/"}, webhooks.AddressBlocked, "/postUri"},
		"localhost":                  {webhooks.SubscriptionInput{PostURI: "https://localhost/"}, webhooks.AddressBlocked, "/postUri"},
		"an unknown code": {
			webhooks.SubscriptionInput{PostURI: url, Events: []string{"*", "no.such"}},
			webhooks.UnknownReference, "/events/1",
		},
		"a code of another version": {
			webhooks.SubscriptionInput{PostURI: url, Version: "v2", Events: []string{w.typ.Code}},
			webhooks.UnknownReference, "/events/0",
		},
		"an unknown id": {
			webhooks.SubscriptionInput{PostURI: url, Events: []string{uuid.NewString()}},
			webhooks.UnknownReference, "/events/0",
		},
		"a star in the middle": {webhooks.SubscriptionInput{PostURI: url, Events: []string{"a.*.b"}}, webhooks.Invalid, "/events/0"},
		"a star within a word": {webhooks.SubscriptionInput{PostURI: url, Events: []string{"vital*"}}, webhooks.Invalid, "/events/0"},
		"a bad version":        {webhooks.SubscriptionInput{PostURI: url, Version: "v 1"}, webhooks.Invalid, "/version"},
		"a forbidden header": {
			webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"host": "x"}},
			webhooks.Invalid,
			"/headers/host",
		},
		"a header of ours": {
			webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"WEBHOOK-ID": "x"}},
			webhooks.Invalid, "/headers/WEBHOOK-ID",
		},
		"a metadata header": {
			webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"metadata-flavor": "Google"}},
			webhooks.Invalid, "/headers/metadata-flavor",
		},
		"a header with an underscore": {
			webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"metadata_flavor": "Google"}},
			webhooks.Invalid, "/headers/metadata_flavor",
		},
		"a header with a line break": {
			webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"X-A": "1\r\nX-B: 2"}},
			webhooks.Invalid, "/headers/X-A",
		},
		"a header name with a space": {
			webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"X A": "1"}},
			webhooks.Invalid,
			"/headers",
		},
		"a header in two spellings": {webhooks.SubscriptionInput{PostURI: url, Headers: map[string]string{"X-A": "1", "x-a": "2"}}, "", ""},
		"too many headers":          {webhooks.SubscriptionInput{PostURI: url, Headers: many}, webhooks.Invalid, "/headers"},
		"a time-out too short":      {webhooks.SubscriptionInput{PostURI: url, Timeout: time.Millisecond}, webhooks.Invalid, "/timeoutMs"},
		"a time-out too long":       {webhooks.SubscriptionInput{PostURI: url, Timeout: time.Minute}, webhooks.Invalid, "/timeoutMs"},
		"an empty schedule": {
			webhooks.SubscriptionInput{PostURI: url, RetrySchedule: []time.Duration{}},
			webhooks.Invalid,
			"/retrySchedule",
		},
		"a wait too long": {
			webhooks.SubscriptionInput{PostURI: url, RetrySchedule: []time.Duration{1, 49 * time.Hour}},
			webhooks.Invalid, "/retrySchedule/1",
		},
	} {
		t.Log(name)
		_, _, err := w.Subscriptions.Create(t.Context(), w.org, c.in)
		if c.problem == "" {
			if e, ok := errors.AsType[*webhooks.ValidationError](err); !ok {
				t.Errorf("got %v", e)
			}
			continue
		}
		wantFault(t, err, c.problem, c.pointer)
	}
	for _, good := range []webhooks.SubscriptionInput{
		{},
		{PostURI: "http://example.com/", IsDevelopment: true},
		{PostURI: "https://10.1.2.3/"},
		{PostURI: "https://EXAMPLE.com:8443/a?b=c", Events: []string{"*", "vitals.*", w.typ.Code, w.typ.ID.String()}},
		{PostURI: url, Headers: map[string]string{"authorization": "Bearer x"}, Timeout: 30 * time.Second},
	} {
		if _, _, err := w.Subscriptions.Create(t.Context(), w.org, good); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}

func TestSubscriptionIsNormalized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, secret, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{
		PostURI: " https://EXAMPLE.com/a ", Events: []string{w.typ.Code, w.typ.ID.String(), "*"}, Headers: map[string]string{"x-a": "1"},
	})
	w.must(err)
	if s.PostURI != "https://example.com/a" || s.Version != "v1" || len(s.Selectors) != 2 || s.Headers["X-A"] != "1" || !s.Active {
		t.Errorf("%+v", s)
	}
	if s.Selectors[0].EventType.Code != w.typ.Code || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("%+v %s", s.Selectors, secret)
	}
}

func TestWithoutURLASubscriptionIsInactive(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	s, _, err := w.Subscriptions.Create(ctx, w.org, webhooks.SubscriptionInput{Events: []string{"*"}})
	if err != nil || s.Active {
		t.Fatalf("%+v, %v", s, err)
	}
	wantErr(t, w.Subscriptions.Activate(ctx, w.org, s.ID), webhooks.ErrPostURIMissing)
	setURI := func(uri string) webhooks.Subscription {
		s, err := w.Subscriptions.Update(ctx, w.org, s.ID, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
			in.PostURI = uri
			return nil
		})
		w.must(err)
		return s
	}
	if setURI("https://example.com/").Active {
		t.Error("a URL alone activated it")
	}
	w.must(w.Subscriptions.Activate(ctx, w.org, s.ID))
	if setURI("").Active {
		t.Error("active without a URL")
	}
}

func TestSubscriptionsAreTheirOrganizationsOwn(t *testing.T) {
	t.Parallel()
	w, ctx, other := newWorld(t), t.Context(), uuid.New()
	s := w.Subscriptions
	id := w.subscribe("*").ID
	_, get := s.Get(ctx, other, id)
	_, update := s.Update(ctx, other, id, func(webhooks.Subscription, *webhooks.SubscriptionInput) error { return nil })
	_, rotate := s.RotateSecret(ctx, other, id, nil)
	_, secrets := s.Secrets(ctx, other, id, webhooks.Page{Take: 1})
	_, at := s.SecretAt(ctx, other, id, time.Time{})
	_, attempts := s.Attempts(ctx, webhooks.HistoryQuery{OrganizationID: other, SubscriptionID: id})
	_, deliveries := s.Deliveries(ctx, webhooks.HistoryQuery{OrganizationID: other, SubscriptionID: id})
	_, hash := w.Signer.ValidateHash(ctx, other, id, nil, "", 0)
	for _, err := range []error{
		get, update, rotate, secrets, at, attempts, deliveries, hash,
		s.Activate(ctx, other, id), s.Deactivate(ctx, other, id), s.Archive(ctx, other, id), s.Restore(ctx, other, id),
		s.RemoveEvent(ctx, other, id, w.typ.ID, nil), s.Delete(ctx, other, id, nil),
	} {
		wantErr(t, err, webhooks.ErrNotFound)
	}
	if got, err := s.Get(ctx, w.org, id); err != nil || got.Revision != 1 {
		t.Errorf("changed: %+v, %v", got, err)
	}
}

func TestConcurrentUpdatesAreAllKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := w.Subscriptions.Update(t.Context(), w.org, s.ID, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
				in.Description += "x"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := w.Subscriptions.Get(t.Context(), w.org, s.ID); err != nil || len(got.Description) != 20 {
		t.Errorf("%d of 20 changes kept, %v", len(got.Description), err)
	}
}

func TestRemoveEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe(w.typ.Code, "*")
	wantErr(t, w.Subscriptions.RemoveEvent(t.Context(), w.org, s.ID, uuid.New(), nil), webhooks.ErrNotFound)
	w.must(w.Subscriptions.RemoveEvent(t.Context(), w.org, s.ID, w.typ.ID, nil))
	wantErr(t, w.Subscriptions.RemoveEvent(t.Context(), w.org, s.ID, w.typ.ID, nil), webhooks.ErrNotFound)
	got, err := w.Subscriptions.Get(t.Context(), w.org, s.ID)
	if err != nil || len(got.Selectors) != 1 || got.Selectors[0].Pattern != "*" {
		t.Errorf("%+v, %v", got.Selectors, err)
	}
}

// A secret that was meant to be decoded must not become the text itself: no receiver would
// compute the same signature.
func TestSecretThatOnlyLooksLikeOneIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("*")
	good := signing.NewSecret()
	base64 := strings.TrimPrefix(good, "whsec_")
	const prefix, encoding, key, other = "whsec_ as its first characters", "must be base64 of 24–64 bytes after whsec_", "ed25519",
		"must be 8–256 printable ASCII characters"
	for secret, reason := range map[string]string{
		" " + good: prefix, "\t" + good: prefix, "v1," + good: prefix, "v1, " + good: prefix, `"` + good + `"`: prefix, "'" + good: prefix,
		"<" + good + ">":  prefix,
		"WHSEC_" + base64: prefix, "Whsec_" + base64: prefix, " v1,WhSec_" + base64: prefix, "SECRET=" + good: prefix,
		"Bearer " + good: prefix, "-" + good: prefix,
		"whsec-" + base64: prefix, "whsec " + base64: prefix, "WHSEC:" + base64: prefix, "whsec _" + base64: prefix,
		good + " ": encoding, good + "\n": encoding, "whsec_ " + base64: encoding, "whsec_" + good: encoding, good + "," + good: encoding,
		strings.TrimRight(good, "="): encoding, "whsec_": encoding,
		"whpk_" + base64: key, "whsk_" + base64: key, " whpk_" + base64: key, "v1a,whpk_" + base64: key, "WHSK_" + base64: key,
		"": other, "short": other, strings.Repeat("x", 257): other, "with\x01control": other, "geheimnisvoll é": other,
	} {
		_, err := w.Subscriptions.SetSecret(t.Context(), w.org, s.ID, secret)
		wantFault(t, err, webhooks.Invalid, "/secretKey")
		if err == nil || !strings.Contains(err.Error(), reason) || len(secret) > 8 && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v, want %s", secret, err, reason)
		}
	}
	for _, secret := range []string{
		good, base64, "12345678", "v1,12345678", " 12345678", "whsecret-of-ours", "webhook_secret", "whsecABCDEF",
	} {
		if got, err := w.Subscriptions.SetSecret(t.Context(), w.org, s.ID, secret); err != nil || got.Key != secret {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, func(c *webhooks.Config) { c.SecretKeys = [][]byte{make([]byte, 32)} }), t.Context()
		s, first, err := w.Subscriptions.Create(ctx, w.org, webhooks.SubscriptionInput{PostURI: "https://example.com", Events: []string{"*"}})
		w.must(err)
		began := time.Now()
		time.Sleep(time.Hour)
		second, err := w.Subscriptions.RotateSecret(ctx, w.org, s.ID, nil)
		w.must(err)
		_, err = w.Subscriptions.SetSecret(ctx, w.org, s.ID, second.Key)
		wantErr(t, err, webhooks.ErrSecretUnchanged)
		for _, bad := range []string{"", "short", "whsec_!!!", "with\x01control", strings.Repeat("x", 257)} {
			_, err = w.Subscriptions.SetSecret(ctx, w.org, s.ID, bad)
			wantFault(t, err, webhooks.Invalid, "/secretKey")
		}
		for at, want := range map[time.Time]string{
			began: first, began.Add(time.Hour - 1): first, began.Add(time.Hour): second.Key,
			{}: second.Key,
		} {
			if got, err := w.Subscriptions.SecretAt(ctx, w.org, s.ID, at); err != nil || got.Key != want {
				t.Errorf("at %v: %v", at, err)
			}
		}
		_, err = w.Subscriptions.SecretAt(ctx, w.org, s.ID, began.Add(-time.Second))
		wantErr(t, err, webhooks.ErrNotFound)

		w.must(w.Dispatcher.Start(ctx))
		for wait, signatures := range map[time.Duration]int{0: 2} {
			time.Sleep(wait)
			w.publish("1")
			time.Sleep(time.Second)
			synctest.Wait()
			if n := len(strings.Fields(w.sent()[0].Header.Get("webhook-signature"))); n != signatures {
				t.Errorf("%d signatures, want %d", n, signatures)
			}
		}
		time.Sleep(24 * time.Hour)
		w.publish("1")
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(strings.Fields(w.sent()[1].Header.Get("webhook-signature"))); n != 1 {
			t.Errorf("%d signatures a day after the rotation, want 1", n)
		}
		w.must(w.Dispatcher.Stop(ctx))
	})
}

func TestFilterChoosesByData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := webhooks.SubscriptionInput{
		PostURI: "https://example.com/", Events: []string{"*"},
		Filter: webhooks.Filter{{Pointer: "/patient/ward", Op: "eq", Value: []byte(` "icu" `)}},
	}
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
		filter := webhooks.Filter{{Op: op, Value: []byte(value)}}
		_, _, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{Filter: filter})
		wantFault(t, err, webhooks.Invalid, "/filter/0/value")
	}
}
