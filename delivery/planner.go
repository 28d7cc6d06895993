package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A planner decides about the next claim. The store hands out attempts in the
// order in which they are due, over all organizations. The planner skips subscriptions and
// organizations that have no room, it skips attempts that are claimed already (watermark), and
// it gives organizations with a large backlog claims of their own (heavyOrgs).
//
// It does no I/O, takes no lock and reads no clock. The zero value is ready to use.
type planner struct {
	watermark watermark
	heavy     heavyOrgs
}

const (
	// fullScanInterval is how often a claim looks at all attempts while nothing is skipped.
	fullScanInterval = 250 * time.Millisecond
	// scanBesideInterval is how often a second claim looks at all attempts while something is
	// skipped: it takes long where the skipped organizations have a large backlog.
	scanBesideInterval = 5 * time.Second
)

// next returns the next claim, which begins now.
func (p *planner) next(room claimRoom, now time.Time) plan {
	turn, skip, pausing := p.heavy.turn(room, now)
	next := plan{
		org: turn.org, maxJobs: room.free, skipOrgs: slices.Clone(skip), pausing: pausing, pauseEnd: p.heavy.pauseEnd, began: now,
	}
	next.skipFull(room)
	skipped := next.skipped()
	switch {
	case next.org != uuid.Nil:
		if p.heavy.crowded {
			next.maxJobs = min(next.maxJobs, heavyBatch)
		}
		next.since = turn.watermark.since(skipped)
	case len(skipped) == 0 && p.watermark.scanDue(now, fullScanInterval):
	default:
		if next.scanBeside = p.watermark.scanDue(now, scanBesideInterval); next.scanBeside {
			p.heavy.rescan()
		}
		next.since = p.watermark.since(skipped)
	}
	return next
}

// note takes in the jobs of a planned claim, which the store made at its time at, and which ended
// now.
func (p *planner) note(done plan, jobs []store.Job, at, now time.Time) {
	p.heavy.note(done, jobs, at, now)
	if done.org == uuid.Nil || len(jobs) < done.maxJobs {
		p.watermark.note(done, jobs, at)
	}
}

// rescan makes the next claims look at all attempts: an attempt that was due earlier can be
// claimed only now.
func (p *planner) rescan() {
	p.watermark.at = time.Time{}
	p.heavy.rescan()
}
