package storetest

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var hostCases = []testCase{
	{"KeepsItsNumberWhileItBeats", hostNumber},
	{"ThatBeatsIsNotFoundDead", hostAlive},
	{"EndLeasesMakesItsAttemptsDueAtOnce", hostEndLeases},
	{"EndLeasesIncludesAttemptsThatWereHandedOff", hostHandOff},
	{"EndLeasesLeavesAttemptsThatWereDeferred", hostDeferred},
	{"EndLeasesLeavesTheRecordToTheHostUntilTheNextClaim", hostRecord},
	{"ThatWasTakenOverChangesNothing", hostFenced},
	{"EndLeasesTakesAllOfManyAttempts", hostMany},
	{"EndLeasesByManyAtOnceTakesEachAttemptOnce", hostTogether},
	{"EndLeasesForgetsTheHost", hostForgotten},
	{"EndLeasesOfAnUnknownHostDoesNothing", hostUnknown},
	{"LeasesAreWhatItSendsNow", hostLeases},
}

const hostLease = time.Hour

// hosts returns the ability, or skips the case.
func (f *fixture) hosts() store.Hosts {
	f.t.Helper()
	h := f.s.Abilities().Hosts
	if h == nil {
		f.t.Skip("the store has no Hosts")
	}
	return h
}

// join adds a host.
func (f *fixture) join() int64 {
	f.t.Helper()
	host := must(f.hosts().Beat(f.ctx, 0, hostLease))(f.t).Host
	if host <= 0 {
		f.t.Fatalf("the number of the host is %d, want a positive one", host)
	}
	return host
}

// claimFor claims attempts for a host.
func (f *fixture) claimFor(host int64, n int) []store.Job {
	f.t.Helper()
	jobs := f.claimWith(store.ClaimOptions{Max: n, Lease: hostLease, Host: host})
	f.equal("claimed", len(jobs), n)
	return jobs
}

// endLeases ends the leases of a host, which has n.
func (f *fixture) endLeases(host int64, n int) {
	f.t.Helper()
	f.equal("attempts whose leases ended", must(f.hosts().EndLeases(f.ctx, host))(f.t), n)
}

func hostNumber(f *fixture) {
	first, second := f.join(), f.join()
	if first == second {
		f.t.Fatalf("two hosts have the number %d", first)
	}
	for range 3 {
		f.equal("number", must(f.hosts().Beat(f.ctx, first, hostLease))(f.t).Host, first)
	}
}

func hostAlive(f *fixture) {
	first, second := f.join(), f.join()
	for range 3 {
		for _, host := range []int64{first, second} {
			f.equal("dead", len(must(f.hosts().Beat(f.ctx, host, hostLease))(f.t).Dead), 0)
		}
	}
}

func hostEndLeases(f *fixture) {
	e, sub := f.scene()
	first, second := f.join(), f.join()
	f.publishN(e, 3)
	of := f.claimFor(first, 1)[0]
	others := append(f.claimFor(second, 1), f.claimFor(0, 1)...)
	want := f.attempts(sub.ID)
	f.endLeases(first, 1)
	f.equal("attempts", f.attempts(sub.ID), want)
	again := f.claim(10)
	f.equal("claimed again", len(again), 1)
	f.equal("attempt", again[0].AttemptID, of.AttemptID)
	if again[0].Token == of.Token {
		f.t.Errorf("the second claim has the first one's token %d", of.Token)
	}
	f.record(f.success(again[0].Lease), f.success(others[0].Lease), f.success(others[1].Lease))
}

func hostHandOff(f *fixture) {
	e, _ := f.scene()
	host := f.join()
	opts := f.options()
	opts.HandOff, opts.Lease, opts.Host = handOff(1), hostLease, host
	job := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.newMessage(e)}, opts))(f.t)[0].Jobs[0]
	f.claimNone("handed off")
	f.endLeases(host, 1)
	f.equal("attempt", f.claimOne().AttemptID, job.AttemptID)
}

func hostDeferred(f *fixture) {
	e, _ := f.scene()
	host := f.join()
	f.publishN(e, 1)
	f.deferTo(f.at(hostLease/2), f.claimFor(host, 1)...)
	f.endLeases(host, 0)
	f.claimNone("deferred")
}

func hostRecord(f *fixture) {
	e, sub := f.scene()
	host := f.join()
	f.publishN(e, 2)
	jobs := f.claimFor(host, 2)
	f.endLeases(host, 2)
	f.record(f.success(jobs[0].Lease))
	f.deferTo(f.at(time.Hour), jobs[1])
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Succeeded, store.Pending})
	f.claimNone("recorded and deferred")
}

func hostFenced(f *fixture) {
	e, sub := f.scene()
	first, second := f.join(), f.join()
	f.publish(f.newMessage(e))
	job := f.claimFor(first, 1)[0]
	f.endLeases(first, 1)
	again := f.claimFor(second, 1)[0]
	want := f.attempts(sub.ID)
	lost := []uuid.UUID{job.AttemptID}
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(job.Lease, f.next())}))(f.t), lost)
	f.sameIDs("lost", must(f.s.Defer(f.ctx, []store.Deferral{{Lease: job.Lease, DueAt: f.now}}))(f.t), lost)
	f.equal("attempts", f.attempts(sub.ID), want)
	f.record(f.success(again.Lease))
}

func hostMany(f *fixture) {
	const n = 2300 // of which a store may take a part in each transaction
	e, _ := f.scene()
	host := f.join()
	for left := n; left > 0; left -= 100 {
		f.publishN(e, 100)
	}
	f.claimFor(host, n)
	f.endLeases(host, n)
	f.equal("claimed again", len(f.claim(n)), n)
}

func hostTogether(f *fixture) {
	const n = 100
	e, _ := f.scene()
	host := f.join()
	f.publishN(e, n)
	var claimed, again []uuid.UUID
	for _, j := range f.claimFor(host, n) {
		claimed = append(claimed, j.AttemptID)
	}
	var ended atomic.Int64
	f.together(4, func(int) error {
		attempts, err := f.hosts().EndLeases(f.ctx, host)
		ended.Add(int64(attempts))
		return err
	})
	f.endLeases(host, n-int(ended.Load())) // for attempts that another call had locked
	for _, j := range f.claim(n) {
		again = append(again, j.AttemptID)
	}
	slices.SortFunc(claimed, compareIDs)
	slices.SortFunc(again, compareIDs)
	f.sameIDs("claimed again", again, claimed)
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func hostForgotten(f *fixture) {
	host, other := f.join(), f.join()
	f.endLeases(host, 0)
	f.endLeases(host, 0)
	if again := must(f.hosts().Beat(f.ctx, host, hostLease))(f.t).Host; again == host || again == other {
		f.t.Errorf("a forgotten host has the number %d again", again)
	}
}

func hostUnknown(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessage(e))
	f.claimFor(f.join(), 1)
	f.endLeases(1<<31-1, 0)
	f.claimNone("leased to another host")
}

func hostLeases(f *fixture) {
	e, _ := f.scene()
	host, other := f.join(), f.join()
	leases := func() (all []store.Lease) {
		all = must(f.hosts().Leases(f.ctx, host))(f.t)
		slices.SortFunc(all, func(a, b store.Lease) int { return compareIDs(a.AttemptID, b.AttemptID) })
		return all
	}
	f.equal("leases of a new host", len(leases()), 0)
	opts := f.options()
	opts.HandOff, opts.Lease, opts.Host = handOff(1), hostLease, host
	handedOff := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.newMessage(e)}, opts))(f.t)[0].Jobs[0]
	f.publishN(e, 5)
	claimed := f.claimFor(host, 3)
	f.claimFor(other, 1)
	f.claimFor(0, 1)
	var want []store.Lease
	for _, j := range append([]store.Job{handedOff}, claimed...) {
		want = append(want, store.Lease{AttemptID: j.AttemptID, Token: j.Token})
	}
	slices.SortFunc(want, func(a, b store.Lease) int { return compareIDs(a.AttemptID, b.AttemptID) })
	f.equal("leases", leases(), want)
	f.record(f.success(handedOff.Lease), f.success(claimed[0].Lease))
	f.deferTo(f.now, claimed[1])
	f.equal("leases", leases(), []store.Lease{{AttemptID: claimed[2].AttemptID, Token: claimed[2].Token}})
	f.deferTo(f.now, store.Job{Lease: leases()[0]})
	f.equal("claimed again", len(f.claim(10)), 2)
	f.equal("leases", len(leases()), 0)
}
