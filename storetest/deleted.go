package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var deletedCases = []testCase{
	{"SubscriptionLosesWhatItSaysAtOnce", deletedLoses},
	{"SubscriptionGoesWithItsLastAttempt", deletedGoes},
	{"SubscriptionWithoutHistoryGoes", deletedUnused},
	{"SubscriptionStaysWhileOneIsBeingSent", deletedSending},
	{"SubscriptionGetsNoHealth", deletedHealth},
	{"SubscriptionTakesItsRecoveriesWithIt", deletedRecoveries},
	{"SubscriptionsOfABacklogGo", deletedMany},
	{"SubscriptionsGoWhilePublishing", deletedMeanwhile},
	{"EventTypeGoesWithItsLastMessage", deletedEventType},
	{"EventTypeStaysUntilThatTime", deletedEventTypeLately},
	{"CategoryGoesWithItsLastEventType", deletedCategory},
}

func (f *fixture) delete(subs ...store.Subscription) {
	f.t.Helper()
	for _, sub := range subs {
		f.check(f.s.DeleteSubscription(f.ctx, sub.OrganizationID, sub.ID, f.now, nil))
	}
}

// known demands that the store knows subscriptions, or that it knows none of them.
func (f *fixture) known(want bool, subs ...store.Subscription) {
	f.t.Helper()
	ids := idsOf(subs, func(s store.Subscription) uuid.UUID { return s.ID })
	found := must(f.s.Targets(f.ctx, ids, f.now))(f.t)
	for _, id := range ids {
		_, ok := found[id]
		f.equal("subscription "+id.String()+" is known", ok, want)
	}
}

func deletedLoses(f *fixture) {
	e := f.addEvent()
	sub, other := f.newSubscription(only(e), like("*")), f.subscribe(only(e))
	sub.Filter = store.Filter{{Pointer: "/ward", Op: store.OpEqual, Value: []byte("7")}}
	sub.RateLimit, sub.Ordered, sub.IsDevelopment, sub.InactiveReason = 5, true, true, "gone"
	f.create(sub)
	f.rotate(sub, f.at(time.Second))
	f.setHealth(sub.ID, store.Health{Failures: 3, Since: f.now})
	f.delete(sub)
	f.equal("target", f.target(sub.ID), store.Target{
		Subscription: store.Subscription{ID: sub.ID, OrganizationID: f.org, Revision: 2}, Deleted: true,
	})
	secrets := must(f.s.SecretsExcept(f.ctx, nil, uuid.Nil, 10))(f.t)
	f.sameIDs("owners of secrets", idsOf(secrets, func(s store.Secret) uuid.UUID { return s.SubscriptionID }), []uuid.UUID{other.ID})
	f.equal("the other", f.subscription(other.ID), other)
}

func deletedGoes(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	f.finished(e, f.at(-3*time.Hour), f.at(-2*time.Hour))
	f.delete(sub)
	f.prune(f.at(-2*time.Hour), 10, 1)
	f.known(true, sub, other)
	f.prune(f.at(-time.Hour), 10, 1)
	f.known(false, sub)
	f.equal("the other", f.subscription(other.ID), other)
	f.finished(e, f.now)
}

func deletedUnused(f *fixture) {
	sub, other, archived, off := f.subscribe(), f.subscribe(), f.subscribe(), f.subscribe()
	theirs := f.newSubscription()
	theirs.OrganizationID = uuid.New()
	f.create(theirs)
	f.setArchived(archived.ID, true)
	f.setActive(off.ID, false)
	f.delete(sub, theirs)
	f.prune(f.at(-time.Hour), 10, 0)
	f.known(false, sub, theirs)
	f.known(true, other, archived, off)
	f.equal("secrets", len(must(f.s.SecretsExcept(f.ctx, nil, uuid.Nil, 10))(f.t)), 3)
}

func deletedSending(f *fixture) {
	e, sub := f.scene()
	job := f.queueAt(e, f.at(-time.Hour))
	f.delete(sub)
	f.prune(f.now, 10, 0)
	f.known(true, sub)
	f.record(f.failure(job.Lease, f.next()))
	f.prune(f.now, 10, 0)
	f.known(true, sub)
	f.record(f.success(f.claimOne().Lease))
	f.prune(f.now, 10, 1)
	f.known(false, sub)
}

func deletedHealth(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	f.publish(f.newMessage(e))
	f.delete(sub)
	var seen []uuid.UUID
	f.check(f.s.UpdateHealth(f.ctx, []uuid.UUID{sub.ID, other.ID}, func(id uuid.UUID, h *store.Health) {
		seen = append(seen, id)
		h.Failures++
	}))
	f.sameIDs("changed", seen, []uuid.UUID{other.ID})
	f.equal("health", f.health(sub.ID), store.Health{})
	f.equal("that of the other", f.health(other.ID).Failures, 1)
}

func deletedRecoveries(f *fixture) {
	_, sub := f.scene()
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 0)
	ended := f.recover(f.newRecovery(sub, store.RecoverFailed), 0)
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, ended.ID, f.now))
	other := f.subscribe()
	theirs := f.recover(f.newRecovery(other, store.RecoverAll), 0)
	f.delete(sub)
	f.prune(f.now, 10, 0)
	f.known(false, sub)
	f.create(sub) // only to look
	f.recoveriesNotFound(f.org, sub.ID, r.ID)
	f.recoveriesNotFound(f.org, sub.ID, ended.ID)
	f.equal("that of the other", f.recovery(theirs), theirs)
	f.advance(10)
}

// deletedMany has more deleted subscriptions than a store is likely to look at in one
// statement, most of them with history.
func deletedMany(f *fixture) {
	e := f.addEvent()
	var stay, unused []store.Subscription
	for i := range 450 {
		if i%3 == 0 {
			unused = append(unused, f.subscribe())
		} else {
			stay = append(stay, f.subscribe(only(e)))
		}
	}
	f.finished(e, f.at(-time.Hour))
	f.delete(append(unused, stay...)...)
	f.prune(f.at(-2*time.Hour), 10, 0)
	f.known(false, unused...)
	f.known(true, stay...)
	f.together(4, func(int) error {
		_, err := f.s.Prune(f.ctx, f.now, 10)
		return err
	})
	f.prune(f.now, 10, 0) // if all four met
	f.known(false, stay...)
}

// deletedMeanwhile publishes, and changes Health, while subscriptions are deleted and removed.
func deletedMeanwhile(f *fixture) {
	e := f.addEvent()
	subs := make([]store.Subscription, 20)
	for i := range subs {
		subs[i] = f.subscribe(only(e))
	}
	f.together(4, func(i int) error {
		for n := range 20 {
			var err error
			switch i {
			case 0:
				err = f.s.DeleteSubscription(f.ctx, f.org, subs[n].ID, f.now, nil)
			case 1:
				_, err = f.s.Prune(f.ctx, f.at(-time.Hour), 10)
			case 2:
				err = f.s.UpdateHealth(f.ctx, idsOf(subs, func(s store.Subscription) uuid.UUID { return s.ID }),
					func(_ uuid.UUID, h *store.Health) { h.Failures++ })
			default:
				_, err = f.s.Publish(f.ctx, nil, []store.NewMessage{f.newMessage(e)}, f.options())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, j := range f.claim(1000) {
		o := f.success(j.Lease)
		o.Status = store.Cancelled
		f.record(o)
	}
	f.prune(f.at(time.Hour), 100, 20)
	f.known(false, subs...)
}

func (f *fixture) historic(want bool, e store.EventType) {
	f.t.Helper()
	_, ok := must(f.s.HistoricEventTypes(f.ctx, []uuid.UUID{e.ID}))(f.t)[e.ID]
	f.equal("the event type is known", ok, want)
}

func deletedEventType(f *fixture) {
	e := f.addEvent()
	f.subscribe(like("*"))
	kept := f.addEventType(f.categoryOf(e), "kept", "v1")
	done := f.finished(e, f.at(-2*time.Hour))
	job := f.queueAt(e, f.at(-time.Hour))
	f.queueAt(kept, f.at(-time.Hour)) // its message stays
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	f.prune(f.at(time.Hour), 10, 1)
	f.gone(done, 1)
	f.historic(true, e)
	f.record(f.success(job.Lease))
	f.prune(f.at(time.Hour), 10, 1)
	f.historic(false, e)
	f.equal("the one that was not deleted", f.eventType(kept.ID), kept)
	f.check(f.s.CreateEventType(f.ctx, e)) // nothing has its id any more
}

func deletedEventTypeLately(f *fixture) {
	e, _ := f.scene()
	unused := f.addEventType(f.categoryOf(e), "unused", "v1")
	f.check(f.s.DeleteEventType(f.ctx, unused.ID, nil))
	f.prune(f.at(-time.Hour), 10, 0) // messages of it may be as young
	f.historic(true, unused)
	f.prune(f.at(time.Hour), 10, 0)
	f.historic(false, unused)
}

func deletedCategory(f *fixture) {
	e := f.addEvent()
	c := f.categoryOf(e)
	kept := f.addCategory("kept")
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	f.check(f.s.DeleteCategory(f.ctx, c.ID, nil))
	f.prune(f.at(-time.Hour), 10, 0)
	f.equal("its code", must(f.s.HistoricEventTypes(f.ctx, []uuid.UUID{e.ID}))(f.t)[e.ID].Category.Code, c.Code)
	f.prune(f.at(time.Hour), 10, 0)
	f.check(f.s.CreateCategory(f.ctx, c)) // nothing has its id any more
	f.equal("the one that was not deleted", f.category(kept.ID), kept)
}
