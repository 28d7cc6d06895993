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
	// fullScanInterval is how often a claim looks at all attempts while nothing is skipped. It is an extra claim, and
	// rarer, where that takes long (see scanShare).
	fullScanInterval = 250 * time.Millisecond
	// scanBesideInterval is how often an extra claim looks at all attempts while something is
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
	case len(skipped) == 0 && !p.watermark.scanIsSlow() && p.watermark.scanDue(now, fullScanInterval):
	default:
		interval := fullScanInterval
		if len(skipped) > 0 && !p.watermark.sweeps() {
			interval = scanBesideInterval
		}
		if p.watermark.scanDue(now, interval) {
			next.beside = p.watermark.look()
			if next.beside.since.IsZero() {
				p.heavy.rescan(time.Time{})
			}
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
		p.watermark.note(done, jobs, at, now)
	}
}

// rescan makes the next claims look again at the attempts that are due since a time of the store, or at all attempts if that does not
// take long: an attempt that was due earlier can be claimed only now.
func (p *planner) rescan(from time.Time) {
	if !p.watermark.scanIsSlow() {
		from = time.Time{}
	}
	p.watermark.rescan(from)
	p.heavy.rescan(from)
}
