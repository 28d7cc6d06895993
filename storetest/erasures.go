package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var erasureCases = []testCase{
	{"ReadsBackAsItWasCreated", erasureReadsBack},
	{"UnknownIsNotFound", erasureNotFound},
	{"OneRunsForAnOrganization", erasureOne},
	{"SubscriptionsAreGoneAtOnce", erasureAtOnce},
	{"NewSubscriptionsWaitForTheEnd", erasureRefuses},
	{"RemovesEverythingOfTheOrganization", erasureAll},
	{"LeavesOtherOrganizationsAlone", erasureOthers},
	{"GoesOnInSteps", erasureSteps},
	{"LeaseOnARemovedAttemptIsLost", erasureLease},
	{"KeepsTheEntryOfItself", erasureTrail},
	{"RemovesMessagesThatArePublishedMeanwhile", erasureMeanwhile},
	{"ManyAtOnceRemoveEachOnce", erasureTogether},
	{"PruneAuditRemovesFinishedOnes", erasurePruned},
}

func (f *fixture) newErasure() store.Erasure {
	return store.Erasure{ID: f.id(), OrganizationID: f.org, CreatedAt: f.now, CreatedBy: "dora"}
}

// startErasure begins to erase the fixture's organization.
func (f *fixture) startErasure() store.Erasure {
	f.t.Helper()
	return must(f.s.CreateErasure(f.ctx, f.newErasure()))(f.t)
}

// erase takes steps until no job is running, and returns the job and the number of steps.
func (f *fixture) erase(e store.Erasure, max int) (done store.Erasure, steps int) {
	f.t.Helper()
	for range 1000 { // far more than any case needs
		if !must(f.s.AdvanceErasure(f.ctx, f.at(time.Hour), max))(f.t) {
			return must(f.s.Erasure(f.ctx, e.ID))(f.t), steps
		}
		steps++
	}
	f.t.Fatal("there is always a job")
	return done, 0
}

func erasureReadsBack(f *fixture) {
	want := f.newErasure()
	given := want
	given.CreatedAt = given.CreatedAt.In(time.FixedZone("UTC+5:45", 5*3600+45*60))
	given.State, given.Messages, given.FinishedAt = store.ErasureDone, 7, f.now
	f.equal("created", must(f.s.CreateErasure(f.ctx, given))(f.t), want)
	f.equal("erasure", must(f.s.Erasure(f.ctx, want.ID))(f.t), want)
}

func erasureNotFound(f *fixture) {
	f.startErasure()
	_, err := f.s.Erasure(f.ctx, f.id())
	f.notFound("Erasure", err)
}

func erasureOne(f *fixture) {
	first := f.startErasure()
	f.equal("again", f.startErasure(), first)
	other := f.newErasure()
	other.OrganizationID = uuid.New()
	f.equal("of another organization", must(f.s.CreateErasure(f.ctx, other))(f.t), other)
	f.erase(first, 100)
	if second := f.startErasure(); second.ID == first.ID {
		f.t.Error("a job that is done was returned instead of a new one")
	}
}

func erasureAtOnce(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 3)
	before := f.claim(1)[0]
	f.startErasure()
	_, err := f.s.Subscription(f.ctx, f.org, sub.ID)
	f.notFound("Subscription", err)
	f.historyNotFound(f.org, before)
	f.equal("matched", f.publish(f.newMessage(e))[0].Deliveries, 0)
	got := f.target(sub.ID)
	f.equal("target", got.Deleted && got.PostURI == "" && got.Headers == nil && got.Secrets == nil, true)
	for _, j := range f.claim(10) {
		if j.SubscriptionRevision <= before.SubscriptionRevision {
			f.t.Error("a claimed attempt has the revision from before: a dispatcher may send it")
		}
	}
}

func erasureRefuses(f *fixture) {
	job := f.startErasure()
	sub := f.newSubscription()
	f.fails("CreateSubscription", f.s.CreateSubscription(f.ctx, sub, f.newSecret(sub, f.now)), store.ErrErasing)
	other := f.newSubscription()
	other.OrganizationID = uuid.New()
	f.create(other)
	f.erase(job, 100)
	f.create(sub)
}

// everything fills the fixture's organization, and returns the number of attempts, messages and
// subscriptions.
func (f *fixture) everything(e store.EventType) store.Erasure {
	f.t.Helper()
	sub, archived, deleted := f.subscribe(only(e)), f.subscribe(only(e)), f.subscribe(only(e))
	f.publishN(e, 4) // to three subscriptions
	jobs := f.claim(3)
	f.record(f.failure(jobs[0].Lease, f.later()))
	f.record(f.success(jobs[1].Lease))
	f.add(sub.ID, f.newPost(e))
	f.add(sub.ID, f.newExternal(e))
	f.publish(f.keyed(e, "a key", "content"))
	f.check(f.s.CreateRecovery(f.ctx, f.newRecovery(sub, store.RecoverAll)))
	f.rotate(sub, f.at(time.Hour))
	f.setHealth(sub.ID, store.Health{Failures: 3, Since: f.now})
	f.setArchived(archived.ID, true)
	f.delete(deleted)
	return store.Erasure{Attempts: 5*3 + 1 + 2, Messages: 7, Subscriptions: 3}
}

func erasureAll(f *fixture) {
	e := f.addEvent()
	want := f.everything(e)
	job := f.startErasure()
	got, _ := f.erase(job, 1000)
	want.ID, want.OrganizationID, want.CreatedAt, want.CreatedBy = job.ID, f.org, f.now, "dora"
	want.State, want.FinishedAt = store.ErasureDone, f.at(time.Hour)
	f.equal("erasure", got, want)
	f.equal("messages", f.messages().Total, 0)
	f.claimNone("everything was erased")
	f.equal("subscriptions", must(f.s.Subscriptions(f.ctx, f.org, store.SubscriptionQuery{Archived: store.IncludeArchived}))(f.t).Total, 0)
	f.equal("secrets", len(f.except(uuid.Nil, 10)), 0)
	f.equal("duplicate", f.publish(f.keyed(e, "a key", "another content"))[0].Duplicate, false)
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
}

func erasureOthers(f *fixture) {
	e := f.addEvent()
	mine := f.org
	f.org = uuid.New()
	f.everything(e)
	sub := f.subscribe(only(e))
	f.addEntries(f.newEntry(f.now))
	f.publish(f.newMessage(e))
	theirs := f.org
	f.org = mine
	f.everything(e)
	f.org = theirs
	want, messages, entries := f.attempts(sub.ID), f.messages(), f.trail(store.AuditQuery{})
	f.org = mine
	f.erase(f.startErasure(), 2)
	f.org = theirs
	f.equal("attempts", f.attempts(sub.ID), want)
	f.equal("messages", f.messages(), messages)
	f.equal("entries", f.trail(store.AuditQuery{}), entries)
}

func erasureSteps(f *fixture) {
	e := f.addEvent()
	want := f.everything(e)
	job := f.startErasure()
	f.check(no(f.s.AdvanceErasure(f.ctx, f.now, 1)))
	some := must(f.s.Erasure(f.ctx, job.ID))(f.t)
	if some.State != store.ErasureRunning || some.Attempts+some.Messages == 0 || some.Attempts == want.Attempts {
		f.t.Errorf("after one small step the job is %+v", some)
	}
	done, steps := f.erase(job, 1)
	f.equal("state", done.State, store.ErasureDone)
	f.equal("attempts", done.Attempts, want.Attempts)
	f.equal("messages", done.Messages, want.Messages)
	if steps < want.Messages {
		f.t.Errorf("%d steps of one record each", steps)
	}
}

func erasureLease(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	f.erase(f.startErasure(), 100)
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(job.Lease, f.next())}))(f.t), []uuid.UUID{job.AttemptID})
	f.equal("messages", f.messages().Total, 0)
	f.claimNone("no retry follows a removed attempt")
}

func erasureTrail(f *fixture) {
	own, operators, erased := f.newEntry(f.now), f.newEntry(f.now), f.newEntry(f.now)
	operators.OrganizationID = uuid.Nil
	f.addEntries(own, operators)
	erased.Action, erased.Resource = store.ActionOrganizationErased, store.AuditOrganization
	job := must(f.s.CreateErasure(f.audited(erased), f.newErasure()))(f.t)
	done, _ := f.erase(job, 100)
	f.equal("removed", done.AuditEntries, 1)
	f.equal("entries", f.trail(store.AuditQuery{}), []store.AuditEntry{operators, erased})
}

func erasureMeanwhile(f *fixture) {
	e := f.addEvent()
	f.everything(e)
	job := f.startErasure()
	f.check(no(f.s.AdvanceErasure(f.ctx, f.now, 1)))
	f.publishN(e, 3)
	f.erase(job, 100)
	f.equal("messages", f.messages().Total, 0)
}

func erasureTogether(f *fixture) {
	e := f.addEvent()
	want := f.everything(e)
	job := f.startErasure()
	f.together(4, func(int) error {
		for range 100 {
			if more, err := f.s.AdvanceErasure(f.ctx, f.now, 2); err != nil || !more {
				return err
			}
		}
		return nil
	})
	done, _ := f.erase(job, 100)
	f.equal("attempts", done.Attempts, want.Attempts)
	f.equal("messages", done.Messages, want.Messages)
	f.equal("subscriptions", done.Subscriptions, want.Subscriptions)
}

func erasurePruned(f *fixture) {
	done, _ := f.erase(f.startErasure(), 100)
	running := f.startErasure()
	f.check(no(f.s.PruneAudit(f.ctx, done.FinishedAt, 10)))
	f.equal("erasure", must(f.s.Erasure(f.ctx, done.ID))(f.t), done)
	f.check(no(f.s.PruneAudit(f.ctx, done.FinishedAt.Add(time.Hour), 10)))
	_, err := f.s.Erasure(f.ctx, done.ID)
	f.notFound("Erasure", err)
	f.equal("running", must(f.s.Erasure(f.ctx, running.ID))(f.t), running)
}
