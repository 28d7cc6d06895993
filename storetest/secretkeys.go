package storetest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// withKey adds a subscription of some organization with a secret that has the key.
func (f *fixture) withKey(org uuid.UUID, key string) (store.Subscription, store.Secret) {
	f.t.Helper()
	sub := f.newSubscription()
	sub.OrganizationID = org
	secret := f.newSecret(sub, f.now)
	secret.Key = []byte(key)
	f.check(f.s.CreateSubscription(f.ctx, sub, secret))
	return sub, secret
}

func (f *fixture) except(after uuid.UUID, max int, prefixes ...string) []store.Secret {
	f.t.Helper()
	var all [][]byte
	for _, p := range prefixes {
		all = append(all, []byte(p))
	}
	return must(f.s.SecretsExcept(f.ctx, all, after, max))(f.t)
}

func secretsExcept(f *fixture) {
	_, a := f.withKey(f.org, "\x01A-one")
	_, b := f.withKey(uuid.New(), "\x01B-two")
	off, c := f.withKey(f.org, "\x00clear")
	_, short := f.withKey(f.org, "\x01")
	gone, _ := f.withKey(uuid.New(), "\x01A-six")
	f.setArchived(off.ID, true)
	f.check(f.s.DeleteSubscription(f.ctx, gone.OrganizationID, gone.ID, f.now, nil))
	for _, x := range []struct {
		prefixes []string
		want     []store.Secret
	}{
		{nil, []store.Secret{a, b, c, short}},
		{[]string{"\x01A"}, []store.Secret{b, c, short}},
		{[]string{"\x01A", "\x00"}, []store.Secret{b, short}},
		{[]string{"\x01A-one-and-more"}, []store.Secret{a, b, c, short}},
		{[]string{"\x01", "\x00"}, []store.Secret{}},
	} {
		f.equal("secrets", f.except(uuid.Nil, 10, x.prefixes...), x.want)
	}
	next := f.rotate(store.Subscription{OrganizationID: f.org, ID: off.ID}, f.at(time.Hour))
	f.equal("the ended and the current", f.except(short.ID, 10, "\x01"), []store.Secret{next})
	f.equal("the ended", f.except(b.ID, 1, "\x01")[0].ValidTo, next.ValidFrom)
}

func secretsExceptPages(f *fixture) {
	var want []store.Secret
	for range 7 {
		_, s := f.withKey(uuid.New(), "\x01A")
		want = append(want, s)
		f.withKey(f.org, "\x01B")
	}
	var got []store.Secret
	for after := uuid.Nil; ; {
		page := f.except(after, 3, "\x01B")
		got = append(got, page...)
		if len(page) < 3 {
			break
		}
		after = page[2].ID
	}
	f.equal("secrets", got, want)
}

func replaceKeys(f *fixture) {
	sub, a := f.withKey(f.org, "\x00old")
	_, b := f.withKey(uuid.New(), "\x01\xffold")
	_, other := f.withKey(f.org, "\x01other")
	changes := []store.KeyChange{
		{SecretID: a.ID, From: slices.Clone(a.Key), To: []byte("\x01\x00new")},
		{SecretID: b.ID, From: slices.Clone(b.Key), To: []byte("\x01new")},
	}
	f.equal("replaced", must(f.s.ReplaceKeys(f.ctx, changes))(f.t), 2)
	a.Key, b.Key = []byte("\x01\x00new"), []byte("\x01new")
	spoil(changes[0].To, changes[1].To)
	f.equal("secrets", f.except(uuid.Nil, 10), []store.Secret{a, b, other})
	f.equal("current", must(f.s.SecretAt(f.ctx, f.org, sub.ID, f.now))(f.t), a)
	f.equal("subscription", f.subscription(sub.ID), sub)
	f.equal("replaced of none", must(f.s.ReplaceKeys(f.ctx, nil))(f.t), 0)
}

func replaceKeysCAS(f *fixture) {
	_, a := f.withKey(f.org, "\x01old")
	_, b := f.withKey(f.org, "\x01old")
	got := must(f.s.ReplaceKeys(f.ctx, []store.KeyChange{
		{SecretID: a.ID, From: []byte("\x01another"), To: []byte("\x01new")},
		{SecretID: b.ID, From: []byte("\x01old"), To: []byte("\x01new")},
		{SecretID: f.id(), From: []byte("\x01old"), To: []byte("\x01new")},
	}))(f.t)
	f.equal("replaced", got, 1)
	b.Key = []byte("\x01new")
	f.equal("secrets", f.except(uuid.Nil, 10), []store.Secret{a, b})

	// Of several concurrent replacements of the same key, one succeeds.
	done := make(chan int, 4)
	f.together(4, func(i int) error {
		n, err := f.s.ReplaceKeys(f.ctx, []store.KeyChange{
			{SecretID: a.ID, From: []byte("\x01old"), To: []byte{1, byte(i)}},
			{SecretID: b.ID, From: []byte("\x01new"), To: []byte{1, byte(i)}},
		})
		done <- n
		return err
	})
	sum := 0
	for range 4 {
		sum += <-done
	}
	f.equal("replaced by four", sum, 2)
}

func headersListed(f *fixture) {
	var want []store.SubscriptionHeaders
	for i := range 5 {
		s := f.newSubscription()
		s.OrganizationID = uuid.New()
		if i == 2 {
			s.Headers = nil
		}
		f.create(s)
		if s.Headers != nil {
			want = append(want, store.SubscriptionHeaders{
				OrganizationID: s.OrganizationID, SubscriptionID: s.ID, Revision: 1, Headers: s.Headers,
			})
		}
	}
	gone := f.subscribe()
	f.delete(gone)
	var got []store.SubscriptionHeaders
	for after := uuid.Nil; ; after = got[len(got)-1].SubscriptionID {
		page := must(f.s.SubscriptionHeaders(f.ctx, after, 3))(f.t)
		if got = append(got, page...); len(page) == 0 {
			break
		}
	}
	f.equal("headers", got, want)
}

func headersReplaced(f *fixture) {
	sub, stale, gone := f.subscribe(), f.subscribe(), f.subscribe()
	f.delete(gone)
	next := map[string]string{"X-Ward": "\x01c2VhbGVk"}
	replace := func(s store.Subscription, revision int64) store.SubscriptionHeaders {
		return store.SubscriptionHeaders{OrganizationID: f.org, SubscriptionID: s.ID, Revision: revision, Headers: next}
	}
	n := must(f.s.ReplaceHeaders(f.ctx, []store.SubscriptionHeaders{replace(sub, 1), replace(stale, 2), replace(gone, 1)}))(f.t)
	f.equal("replaced", n, 1)
	f.equal("another revision", f.subscription(stale.ID), stale)
	sub.Headers = next
	f.equal("subscription", f.subscription(sub.ID), sub)
	f.equal("replaced of none", must(f.s.ReplaceHeaders(f.ctx, nil))(f.t), 0)
}
