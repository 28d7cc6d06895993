package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var targetCases = []testCase{
	{"AreReadInFull", targetRead},
	{"IncludeTheArchivedAndTheDeleted", targetGone},
	{"LeaveOutWhatNeverExisted", targetUnknown},
	{"CarryTheSecretsThatStillSign", targetSecrets},
}

func (f *fixture) target(id uuid.UUID) store.Target {
	f.t.Helper()
	target, ok := must(f.s.Targets(f.ctx, []uuid.UUID{id}, f.now))(f.t)[id]
	if !ok {
		f.t.Fatal("no target")
	}
	return target
}

func targetRead(f *fixture) {
	e := f.addEvent()
	mine, theirs := f.newSubscription(only(e), like("*")), f.newSubscription(only(e))
	theirs.OrganizationID = uuid.New()
	var want []store.Target
	for _, s := range []store.Subscription{mine, theirs} {
		secret := f.newSecret(s, f.now)
		f.check(f.s.CreateSubscription(f.ctx, s, secret))
		for i := range s.Selectors {
			s.Selectors[i].EventType = store.EventTypeRef{}
		}
		want = append(want, store.Target{Subscription: s, Secrets: []store.Secret{secret}})
	}
	got := must(f.s.Targets(f.ctx, []uuid.UUID{theirs.ID, mine.ID, theirs.ID}, f.now))(f.t)
	f.equal("number", len(got), 2)
	f.equal("mine", got[mine.ID], want[0])
	f.equal("theirs", got[theirs.ID], want[1])
}

func targetGone(f *fixture) {
	_, sub := f.scene()
	f.equal("deleted", f.target(sub.ID).Deleted, false)
	f.setArchived(sub.ID, true)
	got := f.target(sub.ID)
	f.equal("archived", got.Archived, true)
	f.equal("deleted", got.Deleted, false)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	got = f.target(sub.ID)
	f.equal("deleted", got.Deleted, true)
	f.equal("id", got.ID, sub.ID)
	f.equal("organization", got.OrganizationID, f.org)
}

func targetUnknown(f *fixture) {
	sub := f.subscribe()
	got := must(f.s.Targets(f.ctx, []uuid.UUID{f.id(), sub.ID}, f.now))(f.t)
	f.equal("number", len(got), 1)
	f.equal("of none", len(must(f.s.Targets(f.ctx, nil, f.now))(f.t)), 0)
}

func targetSecrets(f *fixture) {
	sub := f.newSubscription()
	a := f.newSecret(sub, f.now)
	f.check(f.s.CreateSubscription(f.ctx, sub, a))
	f.subscribe() // another one: its secrets are not of this subscription
	b := f.rotate(sub, f.at(time.Hour))
	c := f.rotate(sub, f.at(2*time.Hour))
	a, b = ended(a, b), ended(b, c)
	for since, want := range map[time.Time][]store.Secret{
		f.now:                                {c, b, a},
		f.at(time.Hour - time.Millisecond):   {c, b, a},
		f.at(time.Hour):                      {c, b},
		f.at(2*time.Hour - time.Millisecond): {c, b},
		f.at(2 * time.Hour):                  {c},
		f.at(1000 * time.Hour):               {c},
	} {
		got := must(f.s.Targets(f.ctx, []uuid.UUID{sub.ID}, since))(f.t)[sub.ID]
		f.equal("secrets since "+since.String(), got.Secrets, want)
		f.equal("revision", got.Revision, int64(3))
	}
}
