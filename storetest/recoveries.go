package storetest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var recoveryCases = []testCase{
	{"ReadsBackAsItWasCreated", recoveryReadsBack},
	{"IsCreatedRunning", recoveryCreatedRunning},
	{"OfAnUnknownSubscriptionIsNotFound", recoveryNoSubscription},
	{"UnknownIsNotFound", recoveryNotFound},
	{"StoppingEndsItOnce", recoveryStop},
	{"StoppedDoesNotGoOn", recoveryStopped},
	{"GoesOnInSteps", recoverySteps},
	{"WithNothingToRecoverIsDone", recoveryNothing},
	{"KeepsToItsRate", recoveryRate},
	{"StopsWhenItsSubscriptionIsArchived", recoveryArchived},
	{"StopsWhenItsSubscriptionIsDeleted", recoveryDeleted},
	{"GoesOnForAnInactiveSubscription", recoveryInactive},
	{"TellsOfAJobThatEndedInTheCall", recoveryEnded},
	{"JobsDoNotBlockEachOther", recoverySeveral},
	{"StepIsAllOrNothing", recoveryAtomic},
	{"ManyAtOnceQueueEachOnce", recoveryAtOnce},
}

// advancing is when jobs go on, in the time of a fixture. It has passed by any
// clock.
const advancing = 25 * time.Second

// newRecovery makes a job for everything that a subscription was sent.
func (f *fixture) newRecovery(s store.Subscription, scope store.RecoveryScope) store.Recovery {
	return store.Recovery{
		ID: f.id(), OrganizationID: s.OrganizationID, SubscriptionID: s.ID, Scope: scope,
		Since: f.at(-time.Hour), Until: f.at(15 * time.Second), CreatedAt: f.at(20 * time.Second), CreatedBy: "dora",
	}
}

// recover adds a job, after it checked how many it would recover.
func (f *fixture) recover(r store.Recovery, want int) store.Recovery {
	f.t.Helper()
	f.equal("recoverable", must(f.s.CountRecoverable(f.ctx, r))(f.t), want)
	r.Matched = want
	f.check(f.s.CreateRecovery(f.ctx, r))
	return r
}

func (f *fixture) recovery(r store.Recovery) store.Recovery {
	f.t.Helper()
	return must(f.s.Recovery(f.ctx, r.OrganizationID, r.SubscriptionID, r.ID))(f.t)
}

// steps are options by which at most max are queued.
func (f *fixture) steps(max int) store.AdvanceOptions {
	return store.AdvanceOptions{Max: max, NewID: f.id, At: f.at(advancing), ExpiresAt: f.at(72 * time.Hour)}
}

// advance takes steps until no job's time has come.
func (f *fixture) advance(max int) {
	f.t.Helper()
	for range 1000 { // far more than any case needs
		if !must(f.s.AdvanceRecovery(f.ctx, f.steps(max)))(f.t) {
			return
		}
	}
	f.t.Fatal("there is always a job")
}

// recovered is a job that is done.
func (f *fixture) recovered(r store.Recovery, queued int) store.Recovery {
	r.State, r.Queued, r.FinishedAt = store.RecoveryDone, queued, f.at(advancing)
	return r
}

// failN publishes messages, and lets their deliveries fail.
func (f *fixture) failN(e store.EventType, n int) []store.Job {
	f.t.Helper()
	f.publishN(e, n)
	jobs := f.claim(1000)
	for _, j := range jobs {
		f.record(f.failure(j.Lease, nil))
	}
	return jobs
}

// missN publishes messages while the subscription is off.
func (f *fixture) missN(s store.Subscription, e store.EventType, n int) []store.NewMessage {
	f.t.Helper()
	f.setActive(s.ID, false)
	messages := f.publishN(e, n)
	f.setActive(s.ID, true)
	return messages
}

func recoveryReadsBack(f *fixture) {
	_, sub := f.scene()
	for _, scope := range []store.RecoveryScope{store.RecoverFailed, store.RecoverMissed, store.RecoverAll} {
		want := f.newRecovery(sub, scope)
		want.RatePerSecond, want.Matched = int(scope)*7, int(scope)*1000
		given, zone := want, time.FixedZone("UTC+5:45", 5*3600+45*60)
		given.Since, given.Until, given.CreatedAt = want.Since.In(zone), want.Until.In(zone), want.CreatedAt.In(zone)
		f.check(f.s.CreateRecovery(f.ctx, given))
		f.equal("recovery", f.recovery(want), want)
	}
}

func recoveryCreatedRunning(f *fixture) {
	want := f.newRecovery(f.subscribe(), store.RecoverAll)
	given := want
	given.State, given.Queued, given.FinishedAt = store.RecoveryDone, 5, f.now
	f.check(f.s.CreateRecovery(f.ctx, given))
	f.equal("recovery", f.recovery(want), want)
	if err := f.s.CreateRecovery(f.ctx, given); !errors.Is(err, store.ErrConflict) {
		f.t.Fatalf("an id that is in use: got %v, want ErrConflict", err)
	}
}

func recoveryNoSubscription(f *fixture) {
	r := f.newRecovery(f.newSubscription(), store.RecoverAll)
	f.notFound("CreateRecovery", f.s.CreateRecovery(f.ctx, r))
	_, err := f.s.CountRecoverable(f.ctx, r)
	f.notFound("CountRecoverable", err)
	f.advance(10)
}

func recoveryNotFound(f *fixture) {
	_, sub := f.scene()
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 0)
	for what, of := range map[string]struct{ sub, id uuid.UUID }{
		"unknown": {sub.ID, f.id()}, "another subscription's": {f.subscribe().ID, r.ID}, "no subscription": {f.id(), r.ID},
	} {
		_, err := f.s.Recovery(f.ctx, f.org, of.sub, of.id)
		f.notFound(what, err)
		f.notFound(what, f.s.StopRecovery(f.ctx, f.org, of.sub, of.id, f.now))
	}
	f.equal("recovery", f.recovery(r), r)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	_, err := f.s.Recovery(f.ctx, f.org, sub.ID, r.ID)
	f.notFound("of a deleted subscription", err)
}

func recoveryStop(f *fixture) {
	_, sub := f.scene()
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 0)
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, r.ID, f.at(time.Minute)))
	r.State, r.FinishedAt = store.RecoveryStopped, f.at(time.Minute)
	f.equal("stopped", f.recovery(r), r)
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, r.ID, f.at(time.Hour)))
	f.equal("stopped again", f.recovery(r), r)

	done := f.recover(f.newRecovery(sub, store.RecoverAll), 0)
	f.advance(10)
	done = f.recovery(done)
	f.equal("state", done.State, store.RecoveryDone)
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, done.ID, f.at(time.Hour)))
	f.equal("stopped when it was done", f.recovery(done), done)
}

func recoveryStopped(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 3)
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 3)
	f.equal("advanced", must(f.s.AdvanceRecovery(f.ctx, f.steps(1)))(f.t), true)
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, r.ID, f.now))
	f.equal("advanced after the stop", must(f.s.AdvanceRecovery(f.ctx, f.steps(1)))(f.t), false)
	r.State, r.Queued, r.FinishedAt = store.RecoveryStopped, 1, f.now
	f.equal("recovery", f.recovery(r), r)
	f.claimOne() // the queued attempt stays
}

func recoverySteps(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 5)
	f.missN(sub, e, 4)
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 9)
	queued := 0
	for range 1000 {
		if !must(f.s.AdvanceRecovery(f.ctx, f.steps(2)))(f.t) {
			break
		}
		got := f.recovery(r)
		if got.Queued < queued || got.Queued > queued+2 {
			f.t.Fatalf("queued %d, then %d", queued, got.Queued)
		}
		queued = got.Queued
		if got.State == store.RecoveryRunning {
			r.Queued = queued
			f.equal("while it is running", got, r)
		}
		f.equal("attempts", len(f.attempts(sub.ID)), 5+queued)
	}
	f.equal("recovery", f.recovery(r), f.recovered(r, 9))
	f.equal("left", must(f.s.CountRecoverable(f.ctx, r))(f.t), 0)
	f.equal("claimed", len(f.claim(100)), 9)
}

func recoveryNothing(f *fixture) {
	f.equal("without jobs", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), false)
	r := f.recover(f.newRecovery(f.subscribe(), store.RecoverAll), 0)
	f.equal("with one", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), true)
	f.equal("recovery", f.recovery(r), f.recovered(r, 0))
	f.equal("when it is done", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), false)
}

// However fast it is called, no more is queued than the time allows.
func recoveryRate(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 20)
	slow := f.newRecovery(sub, store.RecoverFailed)
	slow.RatePerSecond = 2
	slow = f.recover(slow, 20)
	began := time.Now()
	for range 5 {
		must(f.s.AdvanceRecovery(f.ctx, f.steps(100)))(f.t)
	}
	got := f.recovery(slow).Queued
	if most := 2 + 2*int(time.Since(began)/time.Second+1); got < 1 || got > most {
		f.t.Fatalf("queued %d in %v, at two per second", got, time.Since(began))
	}
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, slow.ID, f.now))

	fast := f.newRecovery(sub, store.RecoverFailed)
	fast.RatePerSecond = 1000
	fast = f.recover(fast, 20-got)
	f.eventually("the job is done", func() bool {
		f.advance(5)
		return f.recovery(fast).State == store.RecoveryDone
	})
	f.equal("recovery", f.recovery(fast), f.recovered(fast, 20-got))
}

func recoveryArchived(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 3)
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 3)
	f.setArchived(sub.ID, true)
	f.equal("advanced", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), true)
	r.State, r.FinishedAt = store.RecoveryStopped, f.at(advancing)
	f.equal("recovery", f.recovery(r), r)
	f.equal("attempts", len(f.attempts(sub.ID)), 3)
	f.setArchived(sub.ID, false)
	f.equal("advanced when it is restored", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), false)
}

func recoveryDeleted(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 3)
	f.recover(f.newRecovery(sub, store.RecoverAll), 3)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	f.equal("advanced", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), true)
	f.equal("advanced again", must(f.s.AdvanceRecovery(f.ctx, f.steps(10)))(f.t), false)
	f.claimNone("after the deletion")
}

func recoveryInactive(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 1)
	f.setActive(sub.ID, false)
	f.publish(f.newMessage(e))
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 2)
	f.advance(10)
	f.equal("recovery", f.recovery(r), f.recovered(r, 2))
}

func recoverySeveral(f *fixture) {
	e, sub := f.scene()
	theirs := f.newSubscription(only(e))
	theirs.OrganizationID = uuid.New()
	f.create(theirs)
	f.failN(e, 3)
	m := f.newMessage(e)
	m.OrganizationID = theirs.OrganizationID
	f.publish(m)
	f.record(f.failure(f.claimOne().Lease, nil))
	slow := f.newRecovery(sub, store.RecoverFailed)
	slow.RatePerSecond = 1
	f.recover(slow, 3)
	other := f.recover(f.newRecovery(theirs, store.RecoverFailed), 1)
	f.advance(10)
	f.equal("recovery", f.recovery(other), f.recovered(other, 1))
}

func recoveryAtomic(f *fixture) {
	e, sub := f.scene()
	jobs := f.failN(e, 3)
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 3)
	ids := []uuid.UUID{f.id(), jobs[0].AttemptID, f.id()}
	opts := f.steps(10)
	opts.NewID = func() uuid.UUID {
		id := ids[0]
		ids = append(ids[1:], id)
		return id
	}
	if _, err := f.s.AdvanceRecovery(f.ctx, opts); err == nil {
		f.t.Fatal("an id that is in use: no error")
	}
	f.equal("recovery", f.recovery(r), r)
	f.equal("attempts", len(f.attempts(sub.ID)), 3)
	f.claimNone("what came to nothing")
	f.advance(10)
	f.equal("recovery", f.recovery(r), f.recovered(r, 3))
}

func recoveryAtOnce(f *fixture) {
	e, sub := f.scene()
	failed := f.failN(e, 30)
	missed := f.missN(sub, e, 30)
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 60)
	f.together(6, func(int) error {
		for range 10 {
			if _, err := f.s.AdvanceRecovery(f.ctx, f.steps(3)); err != nil {
				return err
			}
		}
		return nil
	})
	f.advance(3)
	f.equal("recovery", f.recovery(r), f.recovered(r, 60))
	for _, j := range failed {
		f.equal("length of a chain", len(f.chain(j)), 2)
	}
	for _, m := range missed {
		f.equal("deliveries of a message", f.deliveriesOf(m.ID).Total, 1)
	}
	f.equal("attempts", len(f.attempts(sub.ID)), 90)
}

func recoveryEnded(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 3)
	done := f.recover(f.newRecovery(sub, store.RecoverFailed), 3)
	opts, ended := f.steps(2), []store.Recovery(nil)
	opts.Ended = func(r store.Recovery) { ended = append(ended, r) }
	f.equal("found", must(f.s.AdvanceRecovery(f.ctx, opts))(f.t), true)
	f.equal("ended by the first step", len(ended), 0)
	f.equal("found", must(f.s.AdvanceRecovery(f.ctx, opts))(f.t), true)
	f.equal("found at the end", must(f.s.AdvanceRecovery(f.ctx, opts))(f.t), false)
	f.equal("ended", ended, []store.Recovery{f.recovered(done, 3)})

	stopped := f.recover(f.newRecovery(sub, store.RecoverMissed), 0)
	f.setArchived(sub.ID, true)
	f.equal("found", must(f.s.AdvanceRecovery(f.ctx, opts))(f.t), true)
	stopped.State, stopped.FinishedAt = store.RecoveryStopped, opts.At
	f.equal("stopped", ended[1:], []store.Recovery{stopped})
}
