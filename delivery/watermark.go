package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A watermark is a time before which all due attempts are claimed. The next claim begins there. Behind a
// large backlog that was skipped, it then finds the attempts of other organizations at once; and it does not
// walk past the index entries of delivered attempts, which a database keeps until a vacuum, and for as long as
// any transaction stays open. The zero value knows nothing.
type watermark struct {
	at        time.Time               // by the store's clock; zero if nothing is known
	skipped   map[uuid.UUID]time.Time // the watermark of each subscription and organization that the last claim skipped
	scannedAt time.Time               // when all attempts were looked at last, by the engine's clock
	scanCost  time.Duration           // of the last look at all attempts, beyond that of an ordinary claim
	claimTook time.Duration           // the last ordinary claim
	lookCost  time.Duration           // of the last look at all attempts or at a slice of them
	looking   bool                    // beside the claims, at all attempts or a slice of them
	latest    bool                    // the last look was at the latest slice
	sweep     sweep
	lookBack  lookBack
}

const (
	// scanShare bounds the looks at all attempts to 1/scanShare of the time: with a transaction that had been open for four
	// minutes, at 2,000 deliveries a second, one took a second.
	scanShare = 10
	// maxLookPause bounds the pause after a look. One that was slow by chance does not put off the next one for long.
	maxLookPause = 2 * time.Second
	// sliceCost is how long one look at a slice of all attempts should take.
	sliceCost = 100 * time.Millisecond
	// latestSlice is the length of the latest slice, firstSlice of the first one of a sweep, and lastSlice a length that reaches
	// back to all attempts.
	latestSlice, firstSlice, lastSlice = 2 * maxLookBack, 30 * time.Second, 10 * 365 * 24 * time.Hour
)

// A sweep is a look at all attempts in slices of their due times, from the latest slice back. It takes the place of one look that
// would keep the database busy for long. Every other look is at the latest slice again: most attempts that a claim missed are
// there, because their transactions were committed late. The zero value is about to begin.
type sweep struct {
	began time.Time // the watermark at its beginning
	until time.Time // the attempts that are due between then and the latest slice were looked at
	width time.Duration
	cost  time.Duration // so far
}

// next returns the next slice.
func (s *sweep) next(watermark time.Time) *look {
	if s.began.IsZero() {
		s.began, s.until, s.width = watermark, watermark.Add(-latestSlice), firstSlice
	}
	if s.width >= lastSlice {
		return &look{until: s.until}
	}
	return &look{since: s.until.Add(-s.width), until: s.until}
}

// note takes in that the attempts of a slice were looked at. The slices grow with their age, so that the sweep ends.
func (s *sweep) note(l look, cost time.Duration) {
	s.until, s.cost = l.since, s.cost+cost
	switch {
	case cost > sliceCost:
		s.width = max(s.width/2, s.began.Sub(s.until)/16)
	case cost < sliceCost/4:
		s.width *= 4
	}
}

// scanIsSlow reports whether a look at all attempts takes so long that it must not hold up the claims.
func (w *watermark) scanIsSlow() bool { return w.scanCost > fullScanInterval/scanShare }

// sweeps reports whether a look at all attempts takes so long that it is made in slices.
func (w *watermark) sweeps() bool { return w.scanCost > sliceCost }

// scanDue reports whether an interval has passed since attempts were looked at, and if so begins the next interval.
func (w *watermark) scanDue(now time.Time, interval time.Duration) bool {
	if w.at.IsZero() || w.looking || now.Sub(w.scannedAt) < max(interval, min(scanShare*w.lookCost, maxLookPause)) {
		return false
	}
	w.scannedAt = now
	return true
}

// look begins a look beside the claims, at all attempts or at a slice of them.
func (w *watermark) look() *look {
	w.looking = true
	if !w.sweeps() {
		return &look{}
	}
	if w.latest = !w.latest; w.latest {
		return &look{since: w.at.Add(-latestSlice), until: w.at, latest: true}
	}
	return w.sweep.next(w.at)
}

// looked takes in the end of a look beside the claims, and how long it took; 0 if it failed. More says that it may not have
// found all attempts.
func (w *watermark) looked(l look, took time.Duration, more bool) {
	w.looking = false
	if took == 0 {
		return
	}
	cost := max(0, took-w.claimTook)
	w.lookCost = cost
	switch {
	case l.until.IsZero():
		w.scanCost = cost
	case l.latest: // it comes again
	case more: // the next look is at the same slice
	default:
		if w.sweep.note(l, cost); l.since.IsZero() {
			w.scanCost, w.sweep = w.sweep.cost, sweep{}
		}
	}
}

// since returns the time from which a claim has to look that skips these subscriptions and
// organizations; zero if it has to look at all attempts.
func (w *watermark) since(skip []uuid.UUID) time.Time {
	at := w.at
	for id, own := range w.skipped {
		if own.Before(at) && !slices.Contains(skip, id) {
			at = own
		}
	}
	if at.IsZero() {
		return at
	}
	if len(skip) > 0 { // the next look at all attempts comes only after scanBesideInterval
		return at.Add(-maxLookBack)
	}
	return at.Add(-w.lookBack.length())
}

// note takes in a claim that the store made at its time at, and that ended now. If the claim took as many jobs
// as it could, the attempts that are left became due no earlier than the last job.
func (w *watermark) note(done plan, jobs []store.Job, at, now time.Time) {
	if !w.at.IsZero() {
		w.lookBack.learn(w.at, jobs, at)
	}
	skipped := map[uuid.UUID]time.Time{}
	for _, id := range done.skipped() {
		skipped[id] = w.at
		if own, ok := w.skipped[id]; ok {
			skipped[id] = own
		}
	}
	w.skipped, w.at = skipped, at
	if n := len(jobs); n == done.maxJobs && n > 0 {
		w.at = jobs[n-1].DueAt
	}
	if took := now.Sub(done.began); done.since.IsZero() {
		w.scannedAt, w.scanCost = done.began, max(0, took-w.claimTook)
		w.lookCost = w.scanCost
	} else {
		w.claimTook = took
	}
}

// rescan makes the next claims look again at the attempts that are due since a time of the store.
func (w *watermark) rescan(from time.Time) {
	if from.Before(w.at) {
		w.at = from
	}
	for id, own := range w.skipped {
		if from.Before(own) {
			w.skipped[id] = from
		}
	}
}

// A lookBack learns how far before a watermark a claim has to begin. An attempt is due from the
// beginning of its transaction, and can be claimed only after the commit. All times are the
// store's, so the clocks of hosts do not matter. It is learned because looking back costs:
// with 5 s at 10,000 deliveries a second, walking past delivered attempts took 5 % of the time.
// The zero value looks back by maxLookBack.
type lookBack struct {
	current, previous time.Duration // the latest attempt of this stretch of time, and of the one before
	began             time.Time     // this stretch; zero before the first one
}

const (
	minLookBack = 500 * time.Millisecond
	maxLookBack = 5 * time.Second
	// lookBackWindow is how long a stretch is.
	lookBackWindow = 10 * time.Second
)

// learn takes in jobs that were claimed now although everything due before a watermark had been
// claimed. One that is later than maxLookBack waited in the sequence of its ordering key, as a
// rule, and says nothing about transactions.
func (l *lookBack) learn(watermark time.Time, jobs []store.Job, now time.Time) {
	if l.began.IsZero() {
		l.began, l.previous = now, maxLookBack
	}
	if now.Sub(l.began) > lookBackWindow {
		l.began, l.previous, l.current = now, l.current, 0
	}
	for _, j := range jobs {
		if d := watermark.Sub(j.DueAt); d <= maxLookBack {
			l.current = max(l.current, d)
		}
	}
}

// length returns how far to look back: twice as far as was needed.
func (l *lookBack) length() time.Duration {
	if l.began.IsZero() {
		return maxLookBack
	}
	return min(max(2*l.current, 2*l.previous, minLookBack), maxLookBack)
}
