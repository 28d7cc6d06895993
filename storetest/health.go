package storetest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var healthCases = []testCase{
	{"IsKept", healthKept},
	{"IsLostInNoRace", healthRace},
	{"OfNobodyIsNone", healthUnknown},
	{"IsForgottenWhenTheSubscriptionIsMended", healthMended},
	{"ReleaseMakesDueWhatIsHeld", healthRelease},
	{"ClaimPassesOver", healthExcept},
}

func (f *fixture) health(sub uuid.UUID) store.Health {
	f.t.Helper()
	return must(f.s.Targets(f.ctx, []uuid.UUID{sub}, f.now))(f.t)[sub].Health
}

func (f *fixture) setHealth(sub uuid.UUID, to store.Health) {
	f.t.Helper()
	f.check(f.s.UpdateHealth(f.ctx, []uuid.UUID{sub}, func(_ uuid.UUID, h *store.Health) { *h = to }))
}

func healthKept(f *fixture) {
	e, a := f.scene()
	b := f.subscribe(only(e))
	f.equal("at first", f.health(a.ID), store.Health{})
	want := store.Health{
		Failures: 11, Since: f.at(-time.Hour), CountedUntil: f.at(-time.Second), Probes: 2, ProbeAt: f.at(time.Minute),
		ProbeUntil: f.at(2 * time.Minute), BackPressureSince: f.at(-time.Minute), BackPressureUntil: f.at(3 * time.Minute),
	}
	f.setHealth(a.ID, want)
	f.equal("health", f.health(a.ID), want)
	f.equal("that of another", f.health(b.ID), store.Health{})
	seen := map[uuid.UUID]store.Health{}
	f.check(f.s.UpdateHealth(f.ctx, []uuid.UUID{b.ID, a.ID, b.ID}, func(id uuid.UUID, h *store.Health) {
		seen[id] = *h
		h.Failures++
		h.ProbeAt = time.Time{}
	}))
	f.equal("seen", seen[a.ID], want)
	want.Failures, want.ProbeAt = 12, time.Time{}
	f.equal("health", f.health(a.ID), want)
	onlyBackPressure := store.Health{BackPressureSince: f.at(-time.Minute), BackPressureUntil: f.at(time.Minute)}
	f.setHealth(a.ID, onlyBackPressure)
	f.equal("without failures", f.health(a.ID), onlyBackPressure)
	f.setHealth(a.ID, store.Health{})
	f.equal("health", f.health(a.ID), store.Health{})
	f.check(f.s.UpdateHealth(f.ctx, nil, nil))
}

func healthRace(f *fixture) {
	_, sub := f.scene()
	f.together(4, func(int) error {
		for range 10 {
			err := f.s.UpdateHealth(f.ctx, []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) { h.Failures++ })
			if err != nil {
				return err
			}
		}
		return nil
	})
	f.equal("failures", f.health(sub.ID).Failures, 40)
}

func healthUnknown(f *fixture) {
	f.check(f.s.UpdateHealth(f.ctx, []uuid.UUID{f.id()}, func(uuid.UUID, *store.Health) { f.t.Error("called for nobody") }))
	f.check(f.s.Release(f.ctx, f.id()))
}

func healthMended(f *fixture) {
	e, sub := f.scene()
	bad := store.Health{Failures: 10, Since: f.now, ProbeAt: f.at(time.Hour)}
	hold := func() {
		f.setHealth(sub.ID, bad)
		jobs := f.claim(10)
		lost := must(f.s.Defer(f.ctx, []store.Deferral{{Lease: jobs[0].Lease, DueAt: f.at(time.Hour), Held: true}}))(f.t)
		f.equal("lost", len(lost), 0)
		f.claimNone("what is held")
	}
	f.publish(f.newMessage(e))
	hold()
	f.update(sub.ID, func(s *store.Subscription) { s.Description = "changed" })
	f.equal("after another change", f.health(sub.ID), bad)
	f.claimNone("what is held")
	f.update(sub.ID, func(s *store.Subscription) { s.PostURI = "https://example.com/mended" })
	f.equal("after a change of the URI", f.health(sub.ID), store.Health{})
	hold()
	f.setActive(sub.ID, false)
	f.equal("when it is off", f.health(sub.ID), bad)
	f.setActive(sub.ID, true)
	f.equal("when it was switched on", f.health(sub.ID), store.Health{})
	f.claimOne()
}

func healthRelease(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	f.publish(f.newMessage(e), f.newMessage(e))
	var deferrals []store.Deferral
	jobs := f.claim(10)
	slices.SortFunc(jobs, func(a, b store.Job) int { return slices.Compare(a.AttemptID[:], b.AttemptID[:]) })
	n := 0
	for _, j := range jobs { // one of the subscription's is not held
		if j.SubscriptionID == sub.ID {
			n++
		}
		deferrals = append(deferrals, store.Deferral{Lease: j.Lease, DueAt: f.at(time.Hour), Held: j.SubscriptionID != sub.ID || n == 1})
	}
	must(f.s.Defer(f.ctx, deferrals))(f.t)
	f.claimNone("what is held")
	f.check(f.s.Release(f.ctx, sub.ID))
	job := f.claimOne()
	f.equal("subscription", job.SubscriptionID, sub.ID)
	f.check(f.s.Release(f.ctx, sub.ID)) // what is being sent is not pending
	f.claimNone("after another release")
	f.deferTo(f.at(time.Hour), job)
	f.check(f.s.Release(f.ctx, sub.ID))
	f.claimNone("what is no longer held")
	f.check(f.s.Release(f.ctx, other.ID))
	f.equal("of the other", len(f.claim(10)), 2)
}

func healthExcept(f *fixture) {
	e, a := f.scene()
	b := f.subscribe(only(e))
	c := f.newSubscription(only(e))
	c.OrganizationID = uuid.New()
	f.create(c)
	theirs := f.newMessage(e)
	theirs.OrganizationID = c.OrganizationID
	f.publish(f.newMessage(e), theirs)
	claim := func(except ...uuid.UUID) (found []uuid.UUID) {
		for _, j := range f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour, Except: except}) {
			found = append(found, j.SubscriptionID)
		}
		return found
	}
	f.sameIDs("but for two", claim(a.ID, c.OrganizationID, f.id()), []uuid.UUID{b.ID})
	f.sameIDs("but for an organization", claim(f.org), []uuid.UUID{c.ID})
	f.sameIDs("the rest", claim(), []uuid.UUID{a.ID})
}
