package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var organizationCases = []testCase{
	{"CannotReadAnothersSubscription", organizationReads},
	{"CannotChangeAnothersSubscription", organizationChanges},
	{"CannotReachAnothersHistory", organizationHistory},
	{"CannotReadAnothersMessage", organizationMessage},
	{"CannotReachAnothersRecoveries", organizationRecoveries},
	{"ZeroIsNoWildcard", organizationZero},
	{"MismatchedFieldsReachNothing", organizationMixed},
}

func organizationReads(f *fixture) {
	_, sub := f.scene()
	other := uuid.New()
	_, err := f.s.Subscription(f.ctx, other, sub.ID)
	f.notFound("Subscription", err)
	_, err = f.s.Secrets(f.ctx, other, sub.ID, store.Page{Take: 1})
	f.notFound("Secrets", err)
	_, err = f.s.SecretAt(f.ctx, other, sub.ID, f.now)
	f.notFound("SecretAt", err)
	got := must(f.s.Subscriptions(f.ctx, other, store.SubscriptionQuery{Archived: store.IncludeArchived, Page: store.Page{Take: 9}}))(f.t)
	f.equal("items", len(got.Items), 0)
	f.equal("total", got.Total, 0)
}

func organizationChanges(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	other := uuid.New()
	_, err := f.s.UpdateSubscription(f.ctx, other, sub.ID, f.now, func(*store.Subscription) error { panic("called") })
	f.notFound("UpdateSubscription", err)
	err = f.s.DeleteSubscription(f.ctx, other, sub.ID, f.now, func(store.Subscription) error { panic("called") })
	f.notFound("DeleteSubscription", err)
	f.notFound("DeleteSubscription unchecked", f.s.DeleteSubscription(f.ctx, other, sub.ID, f.now, nil))
	err = f.s.AddSecret(f.ctx, other, sub.ID, func(store.Subscription, store.Secret) (store.Secret, error) { panic("called") })
	f.notFound("AddSecret", err)
	f.equal("subscription", f.subscription(sub.ID), sub)
	f.equal("secrets", must(f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{}))(f.t).Total, 1)
	f.claimOne()
}

func organizationHistory(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.later()))
	want := f.attempts(sub.ID)
	f.historyNotFound(uuid.New(), job)
	f.equal("attempts", f.attempts(sub.ID), want)
}

func organizationMessage(f *fixture) {
	m := f.newMessage(f.addEvent())
	f.publish(m)
	for _, other := range []uuid.UUID{uuid.New(), uuid.Nil} {
		_, err := f.s.Message(f.ctx, other, m.ID)
		f.notFound("Message", err)
		_, err = f.s.MessageDeliveries(f.ctx, other, m.ID, nil, store.Page{Take: 1})
		f.notFound("MessageDeliveries", err)
		_, err = f.s.MessageTally(f.ctx, other, m.ID)
		f.notFound("MessageTally", err)
		got := must(f.s.Messages(f.ctx, other, store.Page{Take: 9}))(f.t)
		f.equal("items", len(got.Items), 0)
		f.equal("total", got.Total, 0)
	}
}

// recoveriesNotFound demands that an organization cannot reach a job.
func (f *fixture) recoveriesNotFound(org, subscription, id uuid.UUID) {
	f.t.Helper()
	_, err := f.s.Recovery(f.ctx, org, subscription, id)
	f.notFound("Recovery", err)
	f.notFound("StopRecovery", f.s.StopRecovery(f.ctx, org, subscription, id, f.now))
}

func organizationRecoveries(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 1)
	want := f.recover(f.newRecovery(sub, store.RecoverAll), 1)
	theirs := f.newSubscription(only(e))
	theirs.OrganizationID = uuid.New()
	f.create(theirs)
	for _, other := range []uuid.UUID{theirs.OrganizationID, uuid.Nil} {
		r := f.newRecovery(sub, store.RecoverAll)
		r.OrganizationID = other
		_, err := f.s.CountRecoverable(f.ctx, r)
		f.notFound("CountRecoverable", err)
		f.notFound("CreateRecovery", f.s.CreateRecovery(f.ctx, r))
		f.recoveriesNotFound(other, sub.ID, want.ID)
		f.recoveriesNotFound(other, theirs.ID, want.ID)
	}
	f.equal("recovery", f.recovery(want), want)
	f.recover(f.newRecovery(theirs, store.RecoverAll), 0) // the failed deliveries and the messages are not theirs
	f.advance(10)
	f.equal("attempts", len(f.attempts(sub.ID)), 2)
	f.equal("claimed", f.claimOne().OrganizationID, f.org)
}

func organizationZero(f *fixture) {
	e, sub := f.scene()
	m := f.newMessage(e)
	f.publish(m)
	job := f.claimOne()
	f.record(f.failure(job.Lease, nil))
	f.historyNotFound(uuid.Nil, job)
	_, err := f.s.Message(f.ctx, uuid.Nil, m.ID)
	f.notFound("Message", err)
	_, err = f.s.Subscription(f.ctx, uuid.Nil, sub.ID)
	f.notFound("Subscription", err)
	f.equal("total", must(f.s.Subscriptions(f.ctx, uuid.Nil, store.SubscriptionQuery{}))(f.t).Total, 0)
}

// Another organization's own subscription does not open the first one's history.
func organizationMixed(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	theirs := f.newSubscription(only(e))
	theirs.OrganizationID = uuid.New()
	theirs.CreatedAt = f.at(time.Second)
	f.create(theirs)
	org := theirs.OrganizationID
	_, err := f.s.Attempt(f.ctx, org, theirs.ID, job.AttemptID)
	f.notFound("Attempt", err)
	_, err = f.s.Chain(f.ctx, org, theirs.ID, job.DeliveryID, 0)
	f.notFound("Chain", err)
	_, err = f.s.Delivery(f.ctx, org, theirs.ID, job.DeliveryID)
	f.notFound("Delivery", err)
	_, err = f.s.AddAttempt(f.ctx, org, theirs.ID, f.newRetry(job.AttemptID))
	f.fails("AddAttempt", err, store.ErrBadReference)
	_, err = f.s.Report(f.ctx, org, theirs.ID, job.AttemptID, func(store.Attempt) (*store.Report, error) { panic("called") })
	f.notFound("Report", err)
	q := store.HistoryQuery{OrganizationID: org, SubscriptionID: theirs.ID}
	f.equal("attempts", must(f.s.Attempts(f.ctx, q))(f.t).Total, 0)
	f.equal("deliveries", must(f.s.Deliveries(f.ctx, q))(f.t).Total, 0)
	f.equal("attempts of the first", len(f.attempts(sub.ID)), 1)
}
