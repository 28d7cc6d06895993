package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var secretCases = []testCase{
	{"NewOneEndsTheFormer", secretChain},
	{"AddingCountsAsAChangeOfTheSubscription", secretRevision},
	{"ErrorFromNextWritesNothing", secretNextError},
	{"SecretAtTheBoundaries", secretAt},
	{"SecretAtOfTwoInAnInstantIsTheNewer", secretSameInstant},
	{"ConcurrentAddsLoseNone", secretConcurrent},
	{"ExceptPrefixesListsThoseOfAllInOrder", secretsExcept},
	{"ExceptPrefixesPages", secretsExceptPages},
	{"ReplacedKeysChangeNothingElse", replaceKeys},
	{"ReplacingKeysIsCompareAndSet", replaceKeysCAS},
	{"HeadersOfAllAreListed", headersListed},
	{"ReplacedHeadersChangeNothingElse", headersReplaced},
	{"OfAnotherSubscriptionAreNotListed", secretsOfOne},
}

// rotate adds a secret that is valid from a time on.
func (f *fixture) rotate(s store.Subscription, from time.Time) store.Secret {
	f.t.Helper()
	secret := f.newSecret(s, from)
	f.check(f.s.AddSecret(f.ctx, s.OrganizationID, s.ID, func(store.Subscription, store.Secret) (store.Secret, error) {
		return secret, nil
	}))
	return secret
}

// ended is a secret after another one took its place.
func ended(s, by store.Secret) store.Secret {
	s.ValidTo, s.UpdatedAt, s.UpdatedBy = by.ValidFrom, by.CreatedAt, by.CreatedBy
	return s
}

func secretChain(f *fixture) {
	sub := f.newSubscription()
	a := f.newSecret(sub, f.now)
	f.check(f.s.CreateSubscription(f.ctx, sub, a))
	b, c := f.newSecret(sub, f.at(time.Hour)), f.newSecret(sub, f.at(2*time.Hour))
	b.CreatedAt, b.CreatedBy = f.at(59*time.Minute), "bob"
	current := a
	for i, next := range []store.Secret{b, c} {
		f.check(f.s.AddSecret(f.ctx, f.org, sub.ID, func(of store.Subscription, s store.Secret) (store.Secret, error) {
			sub.Revision = int64(1 + i)
			f.equal("what next sees", s, current)
			f.equal("whose it is", of, sub)
			return next, nil
		}))
		current = next
	}
	got := must(f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{Take: 10}))(f.t)
	f.equal("secrets", got.Items, []store.Secret{ended(a, b), ended(b, c), c})
	f.equal("total", got.Total, 3)
	got = must(f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{Take: 2, Descending: true}))(f.t)
	f.equal("newest first", got.Items, []store.Secret{c, ended(b, c)})
}

func secretRevision(f *fixture) {
	sub := f.subscribe()
	f.rotate(sub, f.at(time.Second))
	sub.Revision = 2
	f.equal("subscription", f.subscription(sub.ID), sub)
}

func secretNextError(f *fixture) {
	sub := f.newSubscription()
	first := f.newSecret(sub, f.now)
	f.check(f.s.CreateSubscription(f.ctx, sub, first))
	err := f.s.AddSecret(f.ctx, f.org, sub.ID, func(_ store.Subscription, s store.Secret) (store.Secret, error) {
		s.Key[0] = '!'
		return f.newSecret(sub, f.at(time.Second)), errStop
	})
	if err != errStop { //nolint:errorlint // it is returned as it is
		f.t.Fatalf("got error %v, want next's own", err)
	}
	got := must(f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{Take: 10}))(f.t)
	f.equal("secrets", got.Items, []store.Secret{first})
	f.equal("subscription", f.subscription(sub.ID), sub)
}

func secretAt(f *fixture) {
	sub := f.newSubscription()
	a := f.newSecret(sub, f.now)
	f.check(f.s.CreateSubscription(f.ctx, sub, a))
	b := f.rotate(sub, f.at(time.Hour))
	c := f.rotate(sub, f.at(2*time.Hour))
	for _, x := range []struct {
		at   time.Time
		want store.Secret
	}{
		{f.now, ended(a, b)},
		{f.at(time.Hour - time.Millisecond), ended(a, b)},
		{f.at(time.Hour), ended(b, c)},
		{f.at(2*time.Hour - time.Millisecond), ended(b, c)},
		{f.at(2 * time.Hour), c},
		{f.at(1000 * time.Hour), c},
	} {
		f.equal("at "+x.at.String(), must(f.s.SecretAt(f.ctx, f.org, sub.ID, x.at))(f.t), x.want)
	}
	_, err := f.s.SecretAt(f.ctx, f.org, sub.ID, f.at(-time.Millisecond))
	f.notFound("before the first", err)
}

func secretSameInstant(f *fixture) {
	sub := f.subscribe()
	f.rotate(sub, f.at(time.Hour))
	newer := f.rotate(sub, f.at(time.Hour))
	f.equal("current", must(f.s.SecretAt(f.ctx, f.org, sub.ID, f.at(time.Hour)))(f.t), newer)
}

func secretConcurrent(f *fixture) {
	const n = 8
	sub := f.subscribe()
	f.together(n, func(int) error {
		return f.s.AddSecret(f.ctx, f.org, sub.ID, func(_ store.Subscription, current store.Secret) (store.Secret, error) {
			return f.newSecret(sub, current.ValidFrom.Add(time.Second)), nil
		})
	})
	f.equal("revision", f.subscription(sub.ID).Revision, int64(1+n))
	f.equal("total", must(f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{}))(f.t).Total, 1+n)
	for i := range n + 1 {
		from := f.at(time.Duration(i) * time.Second)
		s := must(f.s.SecretAt(f.ctx, f.org, sub.ID, from))(f.t)
		f.equal("valid from", s.ValidFrom, from)
		if i < n {
			f.equal("valid to", s.ValidTo, from.Add(time.Second))
		}
	}
}

func secretsOfOne(f *fixture) {
	one, other := f.subscribe(), f.newSubscription()
	other.OrganizationID = uuid.New()
	f.create(other)
	f.subscribe()
	for _, sub := range []store.Subscription{one, other} {
		list := must(f.s.Secrets(f.ctx, sub.OrganizationID, sub.ID, store.Page{Take: 9}))(f.t)
		f.equal("total", list.Total, 1)
		f.equal("secrets", len(list.Items), 1)
		f.equal("subscription", list.Items[0].SubscriptionID, sub.ID)
	}
}
