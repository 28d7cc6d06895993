package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	// maxClaimJobs bounds a claim. Larger claims are no faster, and keep other hosts from the store.
	maxClaimJobs = 200
	// maxGatherTime bounds how long the next claim waits for more attempts after one that found few.
	maxGatherTime = 5 * time.Millisecond
)

// claimLoop keeps the backlog filled with attempts that are due in the store.
func (r *run) claimLoop() {
	backOff := storeBackOff()
	maxJobs := max(1, min(maxClaimJobs, r.cfg.Backlog/8)) // it fits into half of any share of the room
	for r.claiming.Err() == nil {
		r.lookAgain()
		next, ok := r.plan(maxJobs)
		if !ok {
			r.refuse(r.backlog.evict(r.cfg.Clock.Now()))
			r.backlog.freed.wait(r.cfg.PollInterval, r.claiming.Done())
			continue
		}
		jobs, at, err := r.claim(next.options(r.cfg.Lease))
		if err != nil {
			if r.claiming.Err() == nil {
				r.pause(r.claiming, backOff.NextBackOff())
			}
			continue
		}
		backOff.Reset()
		r.noteSkew(at, next.began, r.cfg.Clock.Now())
		r.note(next, jobs, at)
		if next.org == uuid.Nil && len(jobs) < next.maxJobs {
			r.waitForMore(next, len(jobs))
		}
	}
}

// rescanFrom has the next claim look again at the attempts that are due since a time of the store.
func (r *run) rescanFrom(from time.Time) {
	for {
		former := r.rescan.Load()
		if former != nil && former.Before(from) || r.rescan.CompareAndSwap(former, &from) {
			r.signal()
			return
		}
	}
}

// lookAgain has the next claim find the attempts that were due earlier and can be claimed only now.
func (r *run) lookAgain() {
	if from := r.rescan.Swap(nil); from != nil {
		r.planning.Lock()
		r.planner.rescan(*from)
		r.planning.Unlock()
	}
}

// plan sets room aside and returns the next claim; false if there is no room for a quarter of the
// largest claim: a smaller one is not worth its cost.
func (r *run) plan(maxJobs int) (next plan, ok bool) {
	var in claimRoom
	in.free, in.full, in.owners = r.backlog.reserve(max(1, maxJobs/4), maxJobs)
	if in.free == 0 {
		return plan{}, false
	}
	r.planning.Lock()
	defer r.planning.Unlock()
	now := r.cfg.Clock.Now()
	if heavy := r.planner.heavy.orgIDs(); len(heavy) > 0 {
		in.servedOthers = r.backlog.servedOther(now.Add(-crowdedFor), heavy)
	}
	next = r.planner.next(in, now)
	if unused := in.free - next.maxJobs; unused > 0 {
		r.backlog.unreserve(unused)
	}
	if next.beside != nil {
		r.begin(&r.intake, func() { r.scan(maxJobs, *next.beside, next) })
	}
	return next, true
}

// note takes in the jobs of a planned claim.
func (r *run) note(done plan, jobs []store.Job, at time.Time) {
	r.planning.Lock()
	defer r.planning.Unlock()
	r.planner.note(done, jobs, at, r.cfg.Clock.Now())
}

// scan is an extra claim beside a planned one, of the attempts of a look.
func (r *run) scan(maxJobs int, l look, beside plan) {
	took, more := time.Duration(0), true
	defer func() {
		r.planning.Lock()
		r.planner.watermark.looked(l, took, more)
		r.planning.Unlock()
	}()
	n, full, owners := r.backlog.reserve(1, maxJobs)
	if n == 0 {
		return
	}
	scan := plan{
		maxJobs: n, since: l.since, until: l.until,
		skipSubs: slices.Clone(beside.skipSubs), skipOrgs: slices.Clone(beside.skipOrgs),
	}
	scan.skipFull(claimRoom{full: full, owners: owners})
	began := r.cfg.Clock.Now()
	jobs, _, err := r.claim(scan.options(r.cfg.Lease))
	if err == nil { // the next claims meet the same error
		took, more = r.cfg.Clock.Now().Sub(began), len(jobs) == n
	}
}

// waitForMore waits after a claim that found fewer attempts than it could take: for as long as the claim
// took if it found some, so that more gather, and then until something is due.
func (r *run) waitForMore(done plan, found int) {
	if found > 0 {
		r.pause(r.claiming, min(r.cfg.Clock.Now().Sub(done.began), maxGatherTime))
	}
	wait := r.cfg.PollInterval
	if done.pausing {
		wait = min(wait, max(done.pauseEnd.Sub(r.cfg.Clock.Now()), 0))
	}
	r.wake.wait(wait, r.claiming.Done())
}

// claim claims attempts, for which room is reserved, and puts them into the backlog. At is the time
// by the store's clock.
func (r *run) claim(opts store.ClaimOptions) (jobs []store.Job, at time.Time, err error) {
	r.revive(r.claiming)
	began := r.cfg.Clock.Now()
	opts.Host = r.hosts.leaseAs(began)
	ctx, cancel := r.bounded(r.claiming)
	defer cancel()
	defer r.leases.begin().Done()
	jobs, at, err = r.cfg.Store.Claim(ctx, opts)
	answered := r.cfg.Clock.Now()
	r.backlog.unreserve(opts.Max - len(jobs))
	if err != nil {
		r.leases.unsure(answered)
		if r.claiming.Err() == nil {
			r.outage.failed(err)
		}
		return nil, at, err
	}
	r.outage.worked()
	r.endpoints.warm(r.claiming, jobs)
	r.batched("claim", len(jobs))
	r.put(jobs, opts.Host, began.Add(r.cfg.Lease), answered.Sub(at))
	return jobs, at, nil
}
