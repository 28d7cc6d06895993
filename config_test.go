package webhooks_test

import (
	"context"
	"math"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestNewNamesTheWrongField(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]webhooks.Config{
		"webhooks: Config.Timeout is -1s":    {Timeout: -time.Second},
		"Config.Timeout is 1m0s":             {Timeout: time.Minute},
		"Config.Deadline":                    {Deadline: -1},
		"Config.SecretOverlap":               {SecretOverlap: -1},
		"Config.PollInterval":                {PollInterval: -1},
		"Config.DrainTimeout":                {DrainTimeout: -1},
		"Config.RetrySchedule is empty":      {RetrySchedule: []time.Duration{}},
		"Config.RetrySchedule[1]":            {RetrySchedule: []time.Duration{1, -1}},
		"Config.RetrySchedule must not add":  {RetrySchedule: []time.Duration{48 * time.Hour, 48*time.Hour + 1}},
		"deadline of 1h0m0s":                 {Deadline: time.Hour},
		"deadline of 2h0m0s":                 {Deadline: 2 * time.Hour, RetrySchedule: []time.Duration{math.MaxInt64, math.MaxInt64, 2}},
		"Config.Retention is 59m0s":          {Retention: 59 * time.Minute},
		"Config.Workers":                     {Workers: -1},
		"Config.MaxData":                     {MaxData: -1},
		"Config.AllowNetworks[0]":            {AllowNetworks: []netip.Prefix{{}}},
		"Config.EgressProxy: invalid URL":    {EgressProxy: &url.URL{Scheme: "https", Host: "proxy"}},
		"Config.OperationalEvents.Operator":  {OperationalEvents: webhooks.OperationalEvents{Operator: uuid.New()}},
		"Config.EgressProxyTrusted is set":   {EgressProxyTrusted: true},
		"Config.SecretKeys: key 0 has 5":     {SecretKeys: [][]byte{[]byte("short")}},
		"Config.PrivateKey: invalid signing": {PrivateKey: "whsk_nonsense"},
	} {
		if _, err := webhooks.New(memstore.New(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := webhooks.New(nil, webhooks.Config{}); err == nil {
		t.Error("a nil store is accepted")
	}
	for _, c := range []webhooks.Config{
		{RetrySchedule: []time.Duration{48 * time.Hour, 48 * time.Hour}},
		{Retention: time.Hour},
		{Retention: -1},
	} {
		if _, err := webhooks.New(memstore.New(), c); err != nil {
			t.Errorf("%v", err)
		}
	}
	w, err := webhooks.New(memstore.New(), webhooks.Config{PrivateKey: signing.NewPrivateKey()})
	if err != nil || !strings.HasPrefix(w.Signer.PublicKey(), "whpk_") {
		t.Errorf("public key %q, %v", w.Signer.PublicKey(), err)
	}
}

// spy keeps the secrets that go into a store, as they go in.
type spy struct {
	store.Store
	kept []byte
}

func (s *spy) CreateSubscription(ctx context.Context, sub store.Subscription, first store.Secret) error {
	s.kept = first.Key
	return s.Store.CreateSubscription(ctx, sub, first)
}

func TestSecretsAreEncryptedAtRest(t *testing.T) {
	t.Parallel()
	old, current := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("c", 32))
	st := &spy{Store: memstore.New()}
	open := func(keys ...[]byte) *webhooks.Webhooks {
		w, err := webhooks.New(st, webhooks.Config{SecretKeys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	org := uuid.New()
	s, secret, err := open(old).Subscriptions.Create(t.Context(), org, webhooks.SubscriptionInput{})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(st.kept), secret) || strings.Contains(string(st.kept), strings.TrimPrefix(secret, "whsec_")) {
		t.Error("the secret lies in the clear")
	}
	for name, c := range map[string]struct {
		w  *webhooks.Webhooks
		ok bool
	}{
		"its key": {open(old), true}, "a new key first": {open(current, old), true},
		"another key": {open(current), false}, "no key": {open(), false},
	} {
		got, err := c.w.Subscriptions.SecretAt(t.Context(), org, s.ID, time.Time{})
		if (err == nil) != c.ok || c.ok && got.Key != secret {
			t.Errorf("%s: %v", name, err)
		}
	}
}
