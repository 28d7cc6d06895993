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
// the store is slow it is longer; how slow the endpoints are is not in it.
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
	from time.Time // nothing of it was due before; zero if that is not known
}

const (
	// few is how many the greedy get at once while there are others.
	few = 32
	// apart is how long the pause is, as a multiple of how long the claim took.
	apart = 6
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

// end notes what came of a claim, in a turn of one of them or of the others.
func (g *greedy) end(of hoard, opts store.ClaimOptions, jobs []store.Job, began time.Time) {
	now := time.Now()
	found := false
	if len(jobs) == opts.Max {
		found = g.find(jobs, opts.Since)
	} else {
		g.orgs = slices.DeleteFunc(g.orgs, func(h hoard) bool { return h.org == of.org }) // that was all
	}
	switch {
	case of.org == uuid.Nil:
		g.due = found // behind what it has there may be others
	case g.crowded:
		g.until = now.Add(min(apart*now.Sub(began), mostPause))
	default:
		g.due = now.Sub(g.looked) > alone
	}
}

// find notes who has a good part of a claim that took all it could, and reports whether
// that is somebody new.
func (g *greedy) find(jobs []store.Job, since time.Time) (found bool) {
	count := map[uuid.UUID]int{}
	for _, j := range jobs {
		count[j.OrganizationID]++
	}
	for org, n := range count {
		known := slices.ContainsFunc(g.orgs, func(h hoard) bool { return h.org == org })
		if n > len(jobs)/8 && !known {
			g.orgs, found = append(g.orgs, hoard{org: org, from: since}), true
		}
	}
	return found
}

// startOver notes that something can be claimed that was due before and could not be.
func (g *greedy) startOver() {
	for i := range g.orgs {
		g.orgs[i].from = time.Time{}
	}
}
