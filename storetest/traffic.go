package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// newMessage makes a message of the event type, created at the fixture's now.
func (f *fixture) newMessage(e store.EventType) store.NewMessage {
	return f.newMessageAt(e, f.now)
}

func (f *fixture) newMessageAt(e store.EventType, created time.Time) store.NewMessage {
	id := idAt(created)
	return store.NewMessage{
		Message: store.Message{
			ID: id, OrganizationID: f.org, EventTypeID: e.ID, Type: e.Code, Version: e.Version,
			Body:   fmt.Appendf(nil, `{"id":%q,"type":%q,"version":%q,"timestamp":"","data":{"n":1.0}}`, id, e.Code, e.Version),
			Source: []byte(`{"raw":true}`), OrderingKey: "ward-7", CreatedAt: created, CreatedBy: "bob",
		},
		Topics:    store.Topics(e.ID, e.Code, e.Version),
		ExpiresAt: created.Add(96 * time.Hour),
	}
}

// keyed makes a message with an idempotency key.
func (f *fixture) keyed(e store.EventType, key, content string) store.NewMessage {
	m := f.newMessage(e)
	m.IdempotencyKey, m.Fingerprint = key, []byte(content)
	return m
}

func (f *fixture) options() store.PublishOptions {
	return store.PublishOptions{NewID: f.id, KeysSince: f.at(-24 * time.Hour)}
}

// handOff hands off the first n attempts.
func handOff(n int) func(organization, subscription uuid.UUID) bool {
	return func(uuid.UUID, uuid.UUID) bool { n--; return n >= 0 }
}

func (f *fixture) publish(messages ...store.NewMessage) []store.Published {
	f.t.Helper()
	out := must(f.s.Publish(f.ctx, nil, messages, f.options()))(f.t)
	if len(out) != len(messages) {
		f.t.Fatalf("Publish of %d messages returned %d results", len(messages), len(out))
	}
	return out
}

// publishN publishes n messages of the event type, each due a millisecond after
// the one before.
func (f *fixture) publishN(e store.EventType, n int) []store.NewMessage {
	f.t.Helper()
	messages := make([]store.NewMessage, n)
	for i := range messages {
		messages[i] = f.newMessageAt(e, f.at(time.Duration(i)*time.Millisecond))
	}
	f.publish(messages...)
	return messages
}

// claim leases due attempts for longer than any test.
func (f *fixture) claim(max int) []store.Job {
	f.t.Helper()
	return f.claimWith(store.ClaimOptions{Max: max, Lease: time.Hour})
}

// claimWith demands that no job became due later than the claim looked for it.
func (f *fixture) claimWith(opts store.ClaimOptions) []store.Job {
	f.t.Helper()
	jobs, at, err := f.s.Claim(f.ctx, opts)
	f.check(err)
	for _, j := range jobs {
		if j.DueAt.IsZero() || j.DueAt.After(at) {
			f.t.Fatalf("a job that became due at %v was claimed at %v", j.DueAt, at)
		}
	}
	return jobs
}

// claimOne demands that one attempt is due, and no more.
func (f *fixture) claimOne() store.Job {
	f.t.Helper()
	jobs := f.claim(10)
	if len(jobs) != 1 {
		f.t.Fatalf("claimed %d attempts, want 1", len(jobs))
	}
	return jobs[0]
}

// claimNone demands that nothing is due.
func (f *fixture) claimNone(why string) {
	f.t.Helper()
	if jobs := f.claim(10); len(jobs) != 0 {
		f.t.Fatalf("%s: claimed %d attempts, want none", why, len(jobs))
	}
}

// queue publishes a message of the event type and claims its one attempt.
func (f *fixture) queue(e store.EventType) store.Job {
	f.t.Helper()
	f.publish(f.newMessage(e))
	return f.claimOne()
}

// success, failure and cancellation make outcomes for a claimed attempt.
func (f *fixture) success(l store.Lease) store.Outcome {
	return store.Outcome{
		Lease: l, Status: store.Succeeded, PostedAt: f.at(time.Second), Duration: 250 * time.Millisecond,
		HTTPStatus: 204, Response: []byte{}, ResponseHeaders: "Date: now\n", At: f.at(2 * time.Second),
	}
}

func (f *fixture) failure(l store.Lease, next *store.Next) store.Outcome {
	return store.Outcome{
		Lease: l, Status: store.Failed, PostedAt: f.at(time.Second), Duration: 1500 * time.Millisecond,
		HTTPStatus: 503, Response: []byte("busy"), ResponseHeaders: "Retry-After: 1\nServer: s\n",
		Error: "HTTP 503", At: f.at(3 * time.Second), Next: next,
	}
}

func (f *fixture) cancellation(l store.Lease) store.Outcome {
	return store.Outcome{Lease: l, Status: store.Cancelled, Error: "archived", At: f.at(4 * time.Second)}
}

// next makes an automatic retry that is due.
func (f *fixture) next() *store.Next {
	return &store.Next{ID: f.id(), DueAt: f.at(5 * time.Second)}
}

// later makes an automatic retry that is not due for an hour.
func (f *fixture) later() *store.Next {
	return &store.Next{ID: f.id(), DueAt: f.at(time.Hour)}
}

func (f *fixture) record(outcomes ...store.Outcome) {
	f.t.Helper()
	f.sameIDs("lost", must(f.s.Record(f.ctx, outcomes))(f.t), nil)
}

// newRetry makes a manual retry of an attempt.
func (f *fixture) newRetry(of uuid.UUID) store.NewAttempt {
	return store.NewAttempt{
		ID: f.id(), Type: store.ManualRetry, RetryOf: of,
		At: f.at(10 * time.Second), By: "cleo", ExpiresAt: f.at(48 * time.Hour),
	}
}

// newPost makes a first post with a message of its own.
func (f *fixture) newPost(e store.EventType) store.NewAttempt {
	a := f.newRetry(uuid.Nil)
	m := f.newMessageAt(e, a.At).Message
	a.Type, a.Message = store.FirstPost, &m
	return a
}

// newExternal makes a first post that the dispatcher does not make.
func (f *fixture) newExternal(e store.EventType) store.NewAttempt {
	a := f.newPost(e)
	a.External, a.PostedAt = true, f.at(9*time.Second)
	return a
}

func (f *fixture) add(sub uuid.UUID, a store.NewAttempt) store.Attempt {
	f.t.Helper()
	return must(f.s.AddAttempt(f.ctx, f.org, sub, a))(f.t)
}

func (f *fixture) retry(j store.Job) store.Attempt {
	f.t.Helper()
	return must(f.s.AddAttempt(f.ctx, j.OrganizationID, j.SubscriptionID, f.newRetry(j.AttemptID)))(f.t)
}

// jobOf names an attempt as a job of its subscription would.
func jobOf(a store.Attempt) store.Job {
	return store.Job{
		Lease: store.Lease{AttemptID: a.ID}, DeliveryID: a.DeliveryID, MessageID: a.MessageID,
		OrganizationID: a.OrganizationID, SubscriptionID: a.SubscriptionID,
	}
}

// attempt reads a claimed attempt, or another one of its subscription.
func (f *fixture) attempt(sub, id uuid.UUID) store.Attempt {
	f.t.Helper()
	return must(f.s.Attempt(f.ctx, f.org, sub, id))(f.t)
}

func (f *fixture) chain(j store.Job) []store.Attempt {
	f.t.Helper()
	return must(f.s.Chain(f.ctx, j.OrganizationID, j.SubscriptionID, j.DeliveryID, 0))(f.t).Items
}

func (f *fixture) delivery(j store.Job) store.Delivery {
	f.t.Helper()
	return must(f.s.Delivery(f.ctx, j.OrganizationID, j.SubscriptionID, j.DeliveryID))(f.t)
}

// attempts reads everything that a subscription was sent, or is to be.
func (f *fixture) attempts(sub uuid.UUID) []store.Attempt {
	f.t.Helper()
	return must(f.s.Attempts(f.ctx, f.history(sub)))(f.t).Items
}

func (f *fixture) history(sub uuid.UUID) store.HistoryQuery {
	return store.HistoryQuery{OrganizationID: f.org, SubscriptionID: sub, Page: store.Page{Take: 1000}}
}

// statuses returns the statuses of attempts, in order.
func statuses(attempts []store.Attempt) []store.Status {
	out := make([]store.Status, len(attempts))
	for i, a := range attempts {
		out[i] = a.Status
	}
	return out
}
