package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// heavyOrgs are the organizations that have more attempts due than one claim takes. Attempts are
// claimed in the order in which they are due, so claims would find the attempts of other organizations
// only behind such a backlog. Instead heavy organizations have turns, each of one claim, and all other
// claims skip them.
//
// While other organizations are served (crowded), a heavy one gets heavyBatch attempts in a turn
// and then a pause, so that processors and store have time for other organizations. The pause is a
// multiple of the time that the claim took: it is longer where the store is slow, and does not
// depend on how slow the endpoints are. It is shortened where it would make the backlog grow.
// Where many organizations have a large backlog, none is heavy. The zero value is ready to use.
type heavyOrgs struct {
	orgs       []heavyOrg // in the order of their turns
	crowded    bool       // other organizations are served
	othersNext bool       // the next claim must be for the other organizations
	othersAt   time.Time  // when a claim was for them last
	pauseEnd   time.Time
}

// A heavyOrg is one heavy organization.
type heavyOrg struct {
	org       uuid.UUID
	watermark watermark // of its turns

	// The rate at which its attempts were created is estimated from its turns.
	firstCreated time.Time     // the first attempt of its last turn
	claimed      int           // attempts of its last turn
	turns        int           // so far
	spacing      time.Duration // moving average of the time between the creation of two attempts
}

const (
	// maxHeavyOrgs bounds the heavy organizations: beyond that, large backlogs are the rule, and
	// none is heavy.
	maxHeavyOrgs = 8
	// heavyShare is the part of a full claim, 1/heavyShare, above which an organization is heavy.
	heavyShare = 8
	// heavyBatch is how many attempts a turn gets while other organizations are served.
	heavyBatch = 32
	// pauseFactor is how long the pause after a turn is, as a multiple of the claim's time.
	pauseFactor = 12
	// maxPause bounds the pause.
	maxPause = 100 * time.Millisecond
	// crowdedFor is how long other organizations count as served after one of them was.
	crowdedFor = 10 * time.Second
	// othersInterval is how often a claim looks for other organizations while none is served.
	othersInterval = 100 * time.Millisecond
)

// orgIDs returns the heavy organizations.
func (h *heavyOrgs) orgIDs() []uuid.UUID {
	ids := make([]uuid.UUID, len(h.orgs))
	for i, o := range h.orgs {
		ids[i] = o.org
	}
	return ids
}

// turn returns the heavy organization that the next claim is for, and the heavy organizations that
// the claim skips. The zero heavyOrg means a claim for all other organizations. An organization without
// room has no turn. Pausing reports that only the pause keeps one from its turn.
func (h *heavyOrgs) turn(room claimRoom, now time.Time) (turn heavyOrg, skip []uuid.UUID, pausing bool) {
	skip = h.orgIDs()
	next := slices.IndexFunc(skip, func(org uuid.UUID) bool { return !slices.Contains(room.full, org) })
	h.crowded = len(skip) > 0 && room.servedOthers
	switch {
	case next < 0:
	case h.othersNext || h.crowded && now.Before(h.pauseEnd):
		pausing = true
	default:
		turn = h.orgs[next]
		h.orgs = append(slices.Delete(h.orgs, next, next+1), turn)
		return turn, slices.Delete(skip, next, next+1), false
	}
	h.othersNext, h.othersAt = false, now
	return heavyOrg{}, skip, pausing
}

// note takes in the jobs of a claim, which the store made at its time at, and which ended now.
func (h *heavyOrgs) note(done plan, jobs []store.Job, at, now time.Time) {
	if i := h.index(done.org); i >= 0 {
		h.noteTurn(i, done, jobs, at, now)
	}
	full := len(jobs) == done.maxJobs
	found := full && h.find(done, jobs, at, now)
	others := done.org == uuid.Nil
	if others {
		h.othersNext = found // attempts of other organizations may stand behind that backlog
	}
	if others && full && !found || len(h.orgs) > maxHeavyOrgs {
		h.orgs = nil // all have large backlogs: then the order of due times is fair
	}
}

// noteTurn takes in a turn of one organization.
func (h *heavyOrgs) noteTurn(i int, done plan, jobs []store.Job, at, now time.Time) {
	h.orgs[i].note(jobs)
	h.orgs[i].watermark.note(done, jobs, at, now)
	h.othersNext = !h.crowded && now.Sub(h.othersAt) > othersInterval
	if h.crowded {
		h.pauseEnd = now.Add(h.pause(now.Sub(done.began)))
	}
	if len(jobs) < done.maxJobs { // its backlog is claimed
		h.orgs = slices.Delete(h.orgs, i, i+1)
	}
}

// note takes in when the attempts of a turn were created.
func (o *heavyOrg) note(jobs []store.Job) {
	own := func(j store.Job) bool { return j.OrganizationID == o.org }
	i := slices.IndexFunc(jobs, own)
	if i < 0 {
		return
	}
	first := jobs[i].CreatedAt
	if o.turns++; o.turns > 1 {
		spacing := max(first.Sub(o.firstCreated), 0) / time.Duration(o.claimed)
		o.spacing += (spacing - o.spacing) / time.Duration(min(o.turns-1, 32))
	}
	o.firstCreated, o.claimed = first, 0
	for _, j := range jobs {
		if own(j) {
			o.claimed++
		}
	}
}

func (h *heavyOrgs) index(org uuid.UUID) int {
	return slices.IndexFunc(h.orgs, func(o heavyOrg) bool { return o.org == org })
}

// pause returns the length of the pause after a turn, from the time that its claim took. An organization may
// go on publishing: all turns and pauses together are kept to two thirds of the time in which as
// many attempts were created as one turn gets, so that its backlog shrinks.
func (h *heavyOrgs) pause(took time.Duration) time.Duration {
	pause := min(pauseFactor*took, maxPause)
	for _, o := range h.orgs {
		created := o.spacing * time.Duration(o.claimed)
		if most := created*2/3/time.Duration(len(h.orgs)) - took; most > 0 {
			pause = min(pause, most)
		}
	}
	return pause
}

// find adds the organizations that have a good part of a full claim. It reports whether there was
// a new one.
func (h *heavyOrgs) find(done plan, jobs []store.Job, at, now time.Time) (found bool) {
	count := map[uuid.UUID]int{}
	for _, j := range jobs {
		count[j.OrganizationID]++
	}
	for _, j := range jobs { // in their order, so that turns do not depend on chance
		if org := j.OrganizationID; count[org] > len(jobs)/heavyShare && h.index(org) < 0 {
			o := heavyOrg{org: org}
			o.watermark.note(done, jobs, at, now)
			h.orgs, found = append(h.orgs, o), true
		}
	}
	return found
}

// rescan makes the next turns look again at the attempts that are due since a time of the store.
func (h *heavyOrgs) rescan(from time.Time) {
	for i := range h.orgs {
		h.orgs[i].watermark.rescan(from)
	}
}
