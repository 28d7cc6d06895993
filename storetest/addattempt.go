package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var addAttemptCases = []testCase{
	{"BeginsADeliveryWithItsMessage", addBegins},
	{"MessageIsOfTheSubscription", addMessageOwner},
	{"BeginsWithTheTypeThatIsAskedFor", addType},
	{"JoinsAChainWithAMessageOfItsOwn", addJoins},
	{"RetryOfOneThatJoinedHasItsMessage", addRetryOfJoined},
	{"AutomaticRetryUsesAStep", addAutomatic},
	{"AutomaticRetryTakesThePlaceOfTheOneInTheQueue", addAutomaticInPlace},
	{"OfAnUnknownAttemptFails", addUnknown},
	{"IsAllOrNothing", addAtomic},
	{"TimesComeBackInUTC", addTimes},
}

func addBegins(f *fixture) {
	e, sub := f.addEvent(), f.subscribe() // it need not list the event type
	post := f.newPost(e)
	m := *post.Message
	got := f.add(sub.ID, post)
	want := store.Attempt{
		ID: post.ID, DeliveryID: post.ID, MessageID: m.ID, OrganizationID: f.org, SubscriptionID: sub.ID, EventTypeID: e.ID,
		Number: 1, Type: store.FirstPost, Status: store.Pending,
		Audit: store.Audit{CreatedAt: post.At, CreatedBy: "cleo", UpdatedAt: post.At, UpdatedBy: "cleo"},
		Body:  m.Body, Source: m.Source,
	}
	f.equal("returned", got, want)
	f.equal("attempts", f.attempts(sub.ID), []store.Attempt{want})
	f.equal("delivery", f.delivery(jobOf(got)), store.Delivery{Attempt: want, Attempts: 1})
	m.SubscriptionID = sub.ID
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m)
	job := f.claimOne()
	f.equal("job", job, store.Job{
		Lease: job.Lease, DeliveryID: post.ID, MessageID: m.ID, OrganizationID: f.org, SubscriptionID: sub.ID,
		SubscriptionRevision: 1, Type: store.FirstPost, CreatedAt: post.At, DueAt: job.DueAt, ExpiresAt: post.ExpiresAt, Body: m.Body,
	})
}

func addMessageOwner(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	post := f.newPost(e)
	post.Message.OrganizationID, post.Message.SubscriptionID = uuid.New(), other.ID
	got := f.add(sub.ID, post)
	f.equal("organization of the attempt", got.OrganizationID, f.org)
	m := must(f.s.Message(f.ctx, f.org, post.Message.ID))(f.t)
	f.equal("organization", m.OrganizationID, f.org)
	f.equal("subscription", m.SubscriptionID, sub.ID)
	_, err := f.s.Message(f.ctx, post.Message.OrganizationID, m.ID)
	f.notFound("Message", err)
	f.equal("attempts of the other", len(f.attempts(other.ID)), 0)
}

func addType(f *fixture) {
	e, sub := f.scene()
	post := f.newPost(e)
	post.Type = store.TestPost
	f.equal("returned", f.add(sub.ID, post).Type, store.TestPost)
	f.equal("attempt", f.attempts(sub.ID)[0].Type, store.TestPost)
	f.equal("job", f.claimOne().Type, store.TestPost)
}

// joining makes a manual retry with a message of its own.
func (f *fixture) joining(of uuid.UUID, e store.EventType) store.NewAttempt {
	f.t.Helper()
	a := f.newRetry(of)
	m := f.newMessageAt(e, a.At).Message
	a.Message = &m
	return a
}

func addJoins(f *fixture) {
	e, sub := f.scene()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	first := f.queue(e)
	f.record(f.failure(first.Lease, nil))
	want := f.chain(first)
	a := f.joining(first.AttemptID, other)
	got := f.add(sub.ID, a)
	f.equal("chain", f.chain(first), append(want, got))
	f.equal("number", got.Number, 2)
	f.equal("message", got.MessageID, a.Message.ID)
	f.equal("event type", got.EventTypeID, other.ID)
	f.equal("body", string(got.Body), string(a.Message.Body))
	f.equal("delivery", f.delivery(first), latest(f.chain(first)))
	job := f.claimOne()
	f.equal("message of the job", job.MessageID, a.Message.ID)
	f.equal("body of the job", string(job.Body), string(a.Message.Body))
	f.equal("delivery of the job", job.DeliveryID, first.DeliveryID)
	f.record(f.failure(job.Lease, f.next()))
	f.equal("message of the automatic retry", f.claimOne().MessageID, a.Message.ID)
}

func addRetryOfJoined(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, nil))
	a := f.joining(first.AttemptID, e)
	f.add(sub.ID, a)
	joined := f.claimOne()
	f.record(f.failure(joined.Lease, nil))
	again := f.retry(joined)
	f.equal("message", again.MessageID, a.Message.ID)
	f.equal("number", again.Number, 3)
	f.record(f.failure(f.claimOne().Lease, nil))
	f.equal("message of a retry of the first", f.retry(first).MessageID, first.MessageID)
}

func addAutomatic(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	for step := 1; step <= 2; step++ {
		a := f.newRetry(job.AttemptID)
		a.Type = store.AutomaticRetry
		got := f.add(sub.ID, a)
		f.equal("type", got.Type, store.AutomaticRetry)
		f.equal("created by", got.CreatedBy, "cleo")
		f.equal("step", got.Step, step)
		job = f.claimOne()
		f.equal("step of the job", job.Step, step)
		f.record(f.failure(job.Lease, nil))
		f.equal("step that is read", f.attempt(sub.ID, job.AttemptID).Step, step)
	}
}

func addAutomaticInPlace(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, f.next()))
	a := f.newRetry(first.AttemptID)
	a.Type = store.AutomaticRetry
	f.equal("step", f.add(sub.ID, a).Step, 1)
	chain := f.chain(first)
	f.equal("statuses", statuses(chain), []store.Status{store.Failed, store.Cancelled, store.Pending})
	f.equal("cancelled by", chain[1].UpdatedBy, "cleo")
	f.equal("claimed", f.claimOne().AttemptID, a.ID)
}

func addUnknown(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	other := f.subscribe(only(e))
	for what, of := range map[string]struct{ sub, attempt uuid.UUID }{
		"no attempt":             {sub.ID, f.id()},
		"another subscription's": {other.ID, job.AttemptID},
		"a message":              {sub.ID, job.MessageID},
	} {
		a := f.joining(of.attempt, e)
		_, err := f.s.AddAttempt(f.ctx, f.org, of.sub, a)
		f.fails(what, err, store.ErrBadReference)
		_, err = f.s.Message(f.ctx, f.org, a.Message.ID)
		f.notFound(what, err)
	}
	_, err := f.s.AddAttempt(f.ctx, f.org, f.id(), f.newPost(e))
	f.notFound("no subscription", err)
	f.equal("attempts", len(f.attempts(sub.ID))+len(f.attempts(other.ID)), 1)
}

func addAtomic(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.later()))
	want := f.attempts(sub.ID)
	taken := f.joining(job.AttemptID, e)
	taken.Message.ID = job.MessageID
	twice := f.joining(job.AttemptID, e)
	twice.ID = job.AttemptID
	pending := f.joining(want[1].ID, e)
	for what, a := range map[string]store.NewAttempt{
		"message id used before": taken, "attempt id used before": twice, "no outcome yet": pending,
	} {
		if _, err := f.s.AddAttempt(f.ctx, f.org, sub.ID, a); err == nil {
			f.t.Fatalf("%s: no error", what)
		}
		f.equal(what, f.attempts(sub.ID), want) // the automatic retry is still pending
	}
	for _, a := range []store.NewAttempt{twice, pending} {
		_, err := f.s.Message(f.ctx, f.org, a.Message.ID)
		f.notFound("message", err)
	}
}

func addTimes(f *fixture) {
	zone := time.FixedZone("UTC-3:30", -12600)
	e, sub := f.scene()
	want := f.newExternal(e)
	given := want
	m := *want.Message
	m.CreatedAt = m.CreatedAt.In(zone)
	given.At, given.PostedAt, given.Message = want.At.In(zone), want.PostedAt.In(zone), &m
	got := f.add(sub.ID, given)
	f.equal("created", got.CreatedAt, want.At)
	f.equal("posted", got.PostedAt, want.PostedAt)
	f.equal("attempt", f.attempt(sub.ID, want.ID), got)
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t).CreatedAt, want.Message.CreatedAt)
}
