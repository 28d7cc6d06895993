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
	{"NothingIsHeldForASubscriptionThatEnded", healthEnded},
	{"HistoryShowsUntilWhenAttemptsAreHeld", healthHeldUntil},
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
		Stage: store.StageOpen,
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
	f.setHealth(sub.ID, bad)
	f.update(sub.ID, func(s *store.Subscription) { s.PostURI, s.Archived = "https://example.com/again", true })
	f.equal("after a change of the URI that archives it", f.health(sub.ID), store.Health{})
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
	f.check(f.s.Release(f.ctx, sub.ID)) // an attempt that is being sent is not pending
	f.claimNone("after another release")
	f.deferTo(f.at(time.Hour), job)
	f.check(f.s.Release(f.ctx, sub.ID))
	f.claimNone("what is no longer held")
	f.check(f.s.Release(f.ctx, other.ID))
	f.equal("of the other", len(f.claim(10)), 2)
}

// A dispatcher may learn a little late that the subscription ended.
func healthEnded(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	for what, end := range map[string]func(){
		"archived": func() { f.update(sub.ID, func(s *store.Subscription) { s.Archived = true }) },
		"deleted":  func() { f.check(f.s.DeleteSubscription(f.ctx, f.org, other.ID, f.now, nil)) },
	} {
		f.publish(f.newMessage(e))
		jobs := f.claim(10)
		end()
		var deferrals []store.Deferral
		for _, j := range jobs {
			deferrals = append(deferrals, store.Deferral{Lease: j.Lease, DueAt: f.at(time.Hour), Held: true})
		}
		f.sameIDs("lost", must(f.s.Defer(f.ctx, deferrals))(f.t), nil)
		f.eventually("the attempt of the one that was "+what+" is due", func() bool { return len(f.claim(10)) > 0 })
	}
}

func healthHeldUntil(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	shows := func(what string, attempt uuid.UUID, want time.Duration) {
		f.t.Helper()
		all := map[string]time.Time{"attempt": f.attempt(sub.ID, attempt).HeldUntil}
		for _, a := range f.chain(first) {
			if a.ID == attempt {
				all["chain"] = a.HeldUntil
			} else {
				f.equal(what+", another attempt", a.HeldUntil, time.Time{})
			}
		}
		for _, a := range f.attempts(sub.ID) {
			if a.ID == attempt {
				all["attempts"] = a.HeldUntil
			}
		}
		all["delivery"] = must(f.s.Delivery(f.ctx, f.org, sub.ID, first.AttemptID))(f.t).HeldUntil
		q := store.HistoryQuery{OrganizationID: f.org, SubscriptionID: sub.ID, Page: store.Page{Take: 10}}
		all["deliveries"] = must(f.s.Deliveries(f.ctx, q))(f.t).Items[0].HeldUntil
		all["message"] = must(f.s.MessageDeliveries(f.ctx, f.org, first.MessageID, nil, q.Page))(f.t).Items[0].HeldUntil
		for name, got := range all {
			switch off := got.Sub(f.at(want)).Abs(); {
			case want == 0 && !got.IsZero():
				f.t.Errorf("%s: by the %s it is held until %v", what, name, got)
			case want != 0 && (off > time.Minute || got.Nanosecond()%1e6 != 0):
				f.t.Errorf("%s: by the %s it is held until %v, want %v in whole milliseconds", what, name, got, f.at(want))
			}
		}
	}
	hold := func(held bool) {
		f.t.Helper()
		d := store.Deferral{Lease: f.claimOne().Lease, DueAt: f.at(time.Hour), Held: held}
		f.equal("lost", len(must(f.s.Defer(f.ctx, []store.Deferral{d}))(f.t)), 0)
	}
	shows("being sent", first.AttemptID, 0)
	f.deferTo(f.now, first)
	shows("due", first.AttemptID, 0)
	hold(true)
	shows("held", first.AttemptID, time.Hour)
	f.check(f.s.Release(f.ctx, sub.ID))
	shows("released", first.AttemptID, 0)
	hold(false)
	shows("not held", first.AttemptID, 0)
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true)
	hold(true)
	f.setActive(sub.ID, false)
	shows("held by a subscription that is off", first.AttemptID, time.Hour)
	f.setActive(sub.ID, true)
	shows("of a subscription that was switched on", first.AttemptID, 0)
	next := f.next()
	f.record(f.failure(f.claimOne().Lease, next))
	shows("a retry", next.ID, 0)
	hold(true)
	shows("a retry that is held", next.ID, time.Hour)
	f.setArchived(sub.ID, true)
	shows("cancelled", next.ID, 0)
}
