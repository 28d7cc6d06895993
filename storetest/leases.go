package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var leaseCases = []testCase{
	{"ThatRanOutIsClaimedAgain", leaseRunsOut},
	{"ThatRanOutStillHoldsUntilClaimedAgain", leaseHolds},
	{"OfAPredecessorChangesNothing", leaseStale},
	{"IsOverOnceRecorded", leaseRecorded},
	{"IsOverOnceDeferred", leaseDeferred},
	{"OfAnUnknownAttemptIsLost", leaseUnknown},
	{"RecordedManyTimesAtOnceCountsOnce", leaseRecordedAtOnce},
	{"LostOnesDoNotStopTheOthers", leaseSomeLost},
	{"DeferGivesBackAtItsTime", leaseDefer},
	{"RunningOutWhileManyClaimGivesItToOne", leaseExclusive},
}

// claimAgain waits until the lease of a job, the only one there is, ran out and
// claims it again.
func (f *fixture) claimAgain(j store.Job) store.Job {
	f.t.Helper()
	var again []store.Job
	f.eventually("the lease runs out", func() bool {
		again = f.claim(10)
		return len(again) > 0
	})
	f.equal("claimed", len(again), 1)
	if again[0].Token == j.Token {
		f.t.Fatalf("the second claim has the first one's token %d", j.Token)
	}
	want := j
	want.Token, want.DueAt = again[0].Token, again[0].DueAt
	if !want.DueAt.After(j.DueAt) {
		f.t.Errorf("it became due again at %v, not after %v", want.DueAt, j.DueAt)
	}
	f.equal("job", again[0], want)
	return again[0]
}

// shortLease claims one attempt for 30 ms.
func (f *fixture) shortLease() store.Job {
	f.t.Helper()
	jobs := f.claimWith(store.ClaimOptions{Max: 1, Lease: 30 * time.Millisecond})
	f.equal("claimed", len(jobs), 1)
	return jobs[0]
}

func leaseRunsOut(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessage(e))
	second := f.claimAgain(f.shortLease())
	f.claimNone("leased again")
	f.record(f.success(second.Lease))
	f.claimNone("finished")
}

func leaseHolds(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 2)
	jobs := f.claimWith(store.ClaimOptions{Max: 2, Lease: time.Millisecond})
	f.record(f.success(jobs[0].Lease)) // whether or not a millisecond has passed
	f.deferTo(f.at(time.Hour), jobs[1])
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Succeeded, store.Pending})
}

func leaseStale(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	first := f.shortLease()
	second := f.claimAgain(first)
	want := f.attempts(sub.ID)
	lost := []uuid.UUID{first.AttemptID}
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.success(first.Lease)}))(f.t), lost)
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(first.Lease, f.next())}))(f.t), lost)
	f.sameIDs("lost", must(f.s.Defer(f.ctx, []store.Deferral{{Lease: first.Lease, DueAt: f.now}}))(f.t), lost)
	f.equal("attempts", f.attempts(sub.ID), want)
	f.claimNone("the second claim stays")
	f.record(f.success(second.Lease))
}

func leaseRecorded(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.success(job.Lease))
	want := f.attempts(sub.ID)
	lost := []uuid.UUID{job.AttemptID}
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(job.Lease, f.next())}))(f.t), lost)
	f.sameIDs("lost", must(f.s.Defer(f.ctx, []store.Deferral{{Lease: job.Lease, DueAt: f.now}}))(f.t), lost)
	f.equal("attempts", f.attempts(sub.ID), want)
	f.claimNone("finished")
}

func leaseRecordedAtOnce(f *fixture) {
	const n = 8
	e, sub := f.scene()
	job := f.queue(e)
	var lost atomic.Int32
	f.together(n, func(int) error {
		ids, err := f.s.Record(f.ctx, []store.Outcome{f.failure(job.Lease, f.next())})
		lost.Add(int32(len(ids)))
		return err
	})
	f.equal("lost", lost.Load(), int32(n-1))
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Failed, store.Pending})
}

func leaseDeferred(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.deferTo(f.at(time.Hour), job)
	lost := []uuid.UUID{job.AttemptID}
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.success(job.Lease)}))(f.t), lost)
	f.sameIDs("lost", must(f.s.Defer(f.ctx, []store.Deferral{{Lease: job.Lease, DueAt: f.now}}))(f.t), lost)
	f.equal("status", f.attempt(sub.ID, job.AttemptID).Status, store.Pending)
	f.claimNone("deferred")
}

func leaseUnknown(f *fixture) {
	l := store.Lease{AttemptID: f.id(), Token: 1}
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(l, f.next())}))(f.t), []uuid.UUID{l.AttemptID})
	f.sameIDs("lost", must(f.s.Defer(f.ctx, []store.Deferral{{Lease: l, DueAt: f.now}}))(f.t), []uuid.UUID{l.AttemptID})
	f.sameIDs("lost of no outcomes", must(f.s.Record(f.ctx, nil))(f.t), nil)
	f.sameIDs("lost of no deferrals", must(f.s.Defer(f.ctx, nil))(f.t), nil)
}

func leaseSomeLost(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 4)
	jobs := f.claim(4)
	wrong := func(i int) store.Lease { return store.Lease{AttemptID: jobs[i].AttemptID, Token: jobs[i].Token + 1000} }
	lost := must(f.s.Record(f.ctx, []store.Outcome{f.failure(wrong(0), f.next()), f.success(jobs[1].Lease)}))(f.t)
	f.sameIDs("lost by Record", lost, []uuid.UUID{jobs[0].AttemptID})
	lost = must(f.s.Defer(f.ctx, []store.Deferral{{Lease: wrong(2), DueAt: f.now}, {Lease: jobs[3].Lease, DueAt: f.at(time.Hour)}}))(f.t)
	f.sameIDs("lost by Defer", lost, []uuid.UUID{jobs[2].AttemptID})
	want := []store.Status{store.Sending, store.Succeeded, store.Sending, store.Pending}
	f.equal("statuses", statuses(f.attempts(sub.ID)), want)
}

func leaseDefer(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	want := f.attempts(sub.ID)
	job := f.claimOne()
	f.deferTo(f.now, job)
	f.equal("attempts", f.attempts(sub.ID), want)
	again := f.claimAgain(job)
	due := time.Now().Add(50 * time.Millisecond).UTC().Truncate(time.Millisecond)
	f.deferTo(due, again)
	f.claimAgain(again) // as soon as the store's clock says so
}

func leaseExclusive(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessage(e))
	f.shortLease()
	var mu sync.Mutex
	var got []store.Job
	f.eventually("somebody claims it", func() bool {
		f.together(8, func(int) error {
			jobs, _, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 1, Lease: time.Hour})
			mu.Lock()
			defer mu.Unlock()
			got = append(got, jobs...)
			return err
		})
		return len(got) > 0
	})
	f.equal("claimed", len(got), 1)
}
