package storetest

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var newsCases = []testCase{
	{"ArePublishedWithTheChange", newsPublished},
	{"FailTogetherWithTheChange", newsFail},
	{"ThatNobodySubscribedToAreNotStored", newsUnmatched},
	{"MatchTheSubscriptionsAfterTheChange", newsAfter},
	{"OfRecordNameTheRecordedOutcomes", newsRecorded},
	{"OfARecoveryNameItOnceItEnded", newsEnded},
	{"OfNoChangeAreNotAskedFor", newsUnchanged},
	{"OfRacingHostsArePublishedOnce", newsRace},
}

// telling returns a context with news.
func (f *fixture) telling(messages func(store.Change) []store.NewMessage) context.Context {
	return store.WithNews(f.ctx, store.News{NewID: f.id, Messages: messages})
}

// about returns a context with one message of news.
func (f *fixture) about(m store.NewMessage) context.Context {
	return f.telling(func(store.Change) []store.NewMessage { return []store.NewMessage{m} })
}

// A change is a call of a method that takes news, and the record that it changes.
type change struct {
	method string
	call   func(ctx context.Context) error
	record func() any
}

// changes returns a change for each method that takes news.
func (f *fixture) changes(e store.EventType, sub store.Subscription) []change {
	job, r := f.queue(e), f.newRecovery(sub, store.RecoverMissed)
	f.recover(r, 0)
	stopped := f.recover(f.newRecovery(sub, store.RecoverMissed), 0)
	return []change{
		{
			"Record",
			func(ctx context.Context) error {
				return no(f.s.Record(ctx, []store.Outcome{f.failure(job.Lease, nil)}))
			},
			func() any { return f.attempt(sub.ID, job.AttemptID) },
		},
		{
			"UpdateHealth",
			func(ctx context.Context) error {
				return f.s.UpdateHealth(ctx, []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) { h.Failures, h.Stage = 10, store.StageOpen })
			},
			func() any { return f.health(sub.ID) },
		},
		{
			"UpdateSubscription",
			func(ctx context.Context) error {
				return no(f.s.UpdateSubscription(ctx, f.org, sub.ID, f.now, func(s *store.Subscription) error { s.Description = "told"; return nil }))
			},
			func() any { return f.subscription(sub.ID) },
		},
		{
			"StopRecovery",
			func(ctx context.Context) error { return f.s.StopRecovery(ctx, f.org, sub.ID, stopped.ID, f.now) },
			func() any { return f.recovery(stopped) },
		},
		{
			"AdvanceRecovery",
			func(ctx context.Context) error { return no(f.s.AdvanceRecovery(ctx, f.steps(10))) },
			func() any { return f.recovery(r) },
		},
	}
}

// twoTypes adds an event type with a subscription, and another event type with a subscription, for news.
func (f *fixture) twoTypes() (e store.EventType, sub store.Subscription, news store.EventType, reader store.Subscription) {
	e, sub = f.scene()
	news = f.addEventType(f.addCategory("news"), "news.of.today", "v1")
	return e, sub, news, f.subscribe(only(news))
}

func newsPublished(f *fixture) {
	e, sub, news, reader := f.twoTypes()
	for _, c := range f.changes(e, sub) {
		m, before := f.newMessage(news), c.record()
		f.check(c.call(f.about(m)))
		if reflect.DeepEqual(c.record(), before) {
			f.t.Errorf("%s changed nothing", c.method)
		}
		job := f.claimOne()
		f.equal(c.method+": message", job.MessageID, m.ID)
		f.equal(c.method+": subscription", job.SubscriptionID, reader.ID)
		f.equal(c.method+": body", string(job.Body), string(m.Body))
		f.record(f.success(job.Lease))
	}
}

func newsFail(f *fixture) {
	e, sub, news, _ := f.twoTypes()
	taken := f.newMessage(news)
	f.publish(taken)
	f.record(f.success(f.claimOne().Lease))
	for _, c := range f.changes(e, sub) {
		before := c.record()
		if c.call(f.about(taken)) == nil {
			f.t.Errorf("%s stored a message twice", c.method)
		}
		f.equal(c.method, c.record(), before)
		f.check(c.call(f.ctx))
	}
}

func newsUnmatched(f *fixture) {
	e, sub := f.scene()
	silent := f.addEventType(f.addCategory("news"), "news.of.today", "v1")
	changes := f.changes(e, sub)
	before := f.messages().Total
	for _, c := range changes {
		f.check(c.call(f.about(f.newMessage(silent))))
	}
	f.equal("messages", f.messages().Total, before)
}

func newsAfter(f *fixture) {
	e, sub := f.scene()
	off := func(s *store.Subscription) error { s.Active = false; return nil }
	must(f.s.UpdateSubscription(f.about(f.newMessage(e)), f.org, sub.ID, f.now, off))(f.t)
	f.equal("messages", f.messages().Total, 0)
}

func newsRecorded(f *fixture) {
	e, _, news, _ := f.twoTypes()
	f.publishN(e, 4)
	jobs := f.claim(4)
	stale := f.failure(jobs[3].Lease, nil)
	stale.Token++
	var recorded []uuid.UUID
	ctx := f.telling(func(c store.Change) []store.NewMessage {
		recorded = nil
		for _, o := range c.Recorded {
			recorded = append(recorded, o.AttemptID)
		}
		return []store.NewMessage{f.newMessage(news)}
	})
	outcomes := []store.Outcome{f.failure(jobs[0].Lease, nil), f.failure(jobs[1].Lease, f.later()), f.success(jobs[2].Lease), stale}
	f.equal("lost", must(f.s.Record(ctx, outcomes))(f.t), []uuid.UUID{jobs[3].AttemptID})
	f.sameIDs("recorded", recorded, []uuid.UUID{jobs[0].AttemptID, jobs[1].AttemptID, jobs[2].AttemptID})
}

func newsEnded(f *fixture) {
	e, sub, news, _ := f.twoTypes()
	f.failN(e, 2)
	r := f.recover(f.newRecovery(sub, store.RecoverFailed), 2)
	var ended []store.Recovery
	ctx := f.telling(func(c store.Change) []store.NewMessage {
		ended = append(ended, *c.Ended)
		return []store.NewMessage{f.newMessage(news)}
	})
	for must(f.s.AdvanceRecovery(ctx, f.steps(1)))(f.t) {
		f.equal("told", len(ended) == 1, f.recovery(r).State == store.RecoveryDone)
	}
	f.equal("ended", ended, []store.Recovery{f.recovered(r, 2)})
}

func newsUnchanged(f *fixture) {
	e, sub, _, _ := f.twoTypes()
	r := f.recover(f.newRecovery(sub, store.RecoverFailed), 0)
	f.advance(10)
	never := f.telling(func(store.Change) []store.NewMessage { f.t.Error("asked for news"); return nil })
	f.check(f.s.StopRecovery(never, f.org, sub.ID, r.ID, f.now))
	f.equal("advanced", must(f.s.AdvanceRecovery(never, f.steps(10)))(f.t), false)
	refuse := func(*store.Subscription) error { return errStop }
	f.fails("refused", no(f.s.UpdateSubscription(never, f.org, sub.ID, f.now, refuse)), errStop)
	job := f.queue(e)
	taken := &store.Next{ID: job.AttemptID, DueAt: f.now}
	if _, err := f.s.Record(never, []store.Outcome{f.failure(job.Lease, taken)}); err == nil {
		f.t.Error("an attempt was stored twice")
	}
}

// newsRace lets hosts see the same failure: the host that changes the stage tells of it.
func newsRace(f *fixture) {
	_, sub, news, reader := f.twoTypes()
	f.together(8, func(int) error {
		opened := false
		ctx := f.telling(func(store.Change) []store.NewMessage {
			if !opened {
				return nil
			}
			return []store.NewMessage{f.newMessage(news)}
		})
		return f.s.UpdateHealth(ctx, []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
			opened = h.Stage != store.StageOpen
			h.Failures, h.Stage = h.Failures+1, store.StageOpen
		})
	})
	f.equal("failures", f.health(sub.ID).Failures, 8)
	f.equal("news", len(f.attempts(reader.ID)), 1)
}
