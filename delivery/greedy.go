package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// greedy are the organizations that have more due than a claim takes. What is due is
// claimed in order, so others would be found behind it. Instead the greedy have turns,
// each one claim, and the other claims pass over them. While there are others to serve,
// the greedy get few at once and a pause after each turn, so that the machine and the
// store have time for the others. The pause is a multiple of what the claim took: where
// the store is slow it is longer; how slow the endpoints are is not in it. Nor may it be
// what makes a queue grow. Where the others have much due as well, nobody is greedy.
type greedy struct {
	orgs    []hoard   // in the order of their turns
	crowded bool      // there are others to serve
	due     bool      // the next claim is for the others in any case
	looked  time.Time // when one was last
	until   time.Time // the end of the pause
}

// hoard is what one of the greedy has queued.
type hoard struct {
	org  uuid.UUID
	seen seen // by its turns, of those that they do not pass over

	first   time.Time     // when the first one of its last turn was made
	n       int           // how many it got then
	turns   int           // that it had
	spacing time.Duration // moving average of how far apart they were made
}

// note takes down when what it got in a turn was made.
func (h *hoard) note(jobs []store.Job) {
	own := func(j store.Job) bool { return j.OrganizationID == h.org }
	i := slices.IndexFunc(jobs, own)
	if i < 0 {
		return
	}
	first := jobs[i].CreatedAt
	if h.turns++; h.turns > 1 {
		h.spacing += (max(first.Sub(h.first), 0)/time.Duration(h.n) - h.spacing) / time.Duration(min(h.turns-1, 32))
	}
	h.first, h.n = first, 0
	for _, j := range jobs {
		if own(j) {
			h.n++
		}
	}
}

const (
	// many of them are no longer exceptions.
	many = 8
	// few is how many the greedy get at once while there are others.
	few = 32
	// apart is how long the pause is, as a multiple of how long the claim took.
	apart = 12
	// mostPause bounds it.
	mostPause = 100 * time.Millisecond
	// present is for how long there are others after one was served.
	present = 10 * time.Second
	// alone is how often others are looked for while there are none.
	alone = 100 * time.Millisecond
)

// turn returns whose turn the next claim is, zero for the others, and which of the
// greedy it passes over. Those for which there is no room have no turn. If nobody has
// one who could, because of the pause, again is true.
func (g *greedy) turn(l *lanes, now time.Time, full []uuid.UUID) (of hoard, passed []uuid.UUID, again bool) {
	for _, h := range g.orgs {
		passed = append(passed, h.org)
	}
	next := slices.IndexFunc(passed, func(org uuid.UUID) bool { return !slices.Contains(full, org) })
	g.crowded = len(passed) > 0 && l.served(now.Add(-present), passed)
	switch {
	case next < 0:
	case g.due || g.crowded && now.Before(g.until):
		again = true
	default:
		of = g.orgs[next]
		g.orgs = append(slices.Delete(g.orgs, next, next+1), of)
		return of, slices.Delete(passed, next, next+1), false
	}
	g.due, g.looked = false, now
	return hoard{}, passed, again
}

// end notes what came of a claim, in a turn of one of them or of the others. It began at
// a time that was clock by the engine's clock, and at by the store's.
func (g *greedy) end(of hoard, opts store.ClaimOptions, jobs []store.Job, began, clock, at time.Time) {
	now := time.Now()
	if i := g.index(of.org); i >= 0 {
		h := &g.orgs[i]
		h.note(jobs)
		h.seen.note(opts, jobs, clock, at)
		if g.due = !g.crowded && now.Sub(g.looked) > alone; g.crowded {
			g.until = now.Add(g.pause(now.Sub(began)))
		}
		if len(jobs) < opts.Max { // that was all
			g.orgs = slices.Delete(g.orgs, i, i+1)
		}
	}
	full := len(jobs) == opts.Max
	found := full && g.find(opts, jobs, clock, at)
	others := of.org == uuid.Nil
	if others {
		g.due = found // behind what it has there may be others
	}
	if others && full && !found || len(g.orgs) > many {
		g.orgs = nil // so have all others, together: then what is due first is first
	}
}

func (g *greedy) index(org uuid.UUID) int {
	return slices.IndexFunc(g.orgs, func(h hoard) bool { return h.org == org })
}

// pause returns how long the pause after a turn is, of which the claim took so long.
// Where as many as one got in its turn were made in more time than it takes to send
// them, as many may be made now: all turns and pauses have to be shorter than that, lest
// its queue grow.
func (g *greedy) pause(took time.Duration) time.Duration {
	p := min(apart*took, mostPause)
	for _, h := range g.orgs {
		made := h.spacing * time.Duration(h.n)
		if most := made*2/3/time.Duration(len(g.orgs)) - took; most > 0 {
			p = min(p, most)
		}
	}
	return p
}

// find notes who has a good part of a claim that took all it could, and reports whether
// that is somebody new.
func (g *greedy) find(opts store.ClaimOptions, jobs []store.Job, clock, at time.Time) (found bool) {
	count := map[uuid.UUID]int{}
	for _, j := range jobs {
		count[j.OrganizationID]++
	}
	for org, n := range count {
		if n > len(jobs)/8 && g.index(org) < 0 {
			h := hoard{org: org}
			h.seen.note(opts, jobs, clock, at)
			g.orgs, found = append(g.orgs, h), true
		}
	}
	return found
}

// startOver notes that something can be claimed that was due before and could not be.
func (g *greedy) startOver() {
	for i := range g.orgs {
		g.orgs[i].seen.at = time.Time{}
	}
}
