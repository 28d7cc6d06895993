package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A watermark is a time before which all due attempts are claimed, except for the subscriptions and
// organizations that the last claim skipped. The next claim begins there. Behind a large backlog that was
// skipped, it then finds the attempts of other organizations at once; and it does not walk past the index
// entries of delivered attempts, which a database keeps until a vacuum. The zero value knows nothing.
type watermark struct {
	at        time.Time   // by the store's clock; zero if nothing is known
	skipped   []uuid.UUID // by the claim that found it
	scannedAt time.Time   // when all attempts were looked at last, by the engine's clock
	lookBack  lookBack
}

// scanDue reports whether an interval has passed since all attempts were looked at, and if so
// begins the next interval.
func (w *watermark) scanDue(now time.Time, interval time.Duration) bool {
	if w.at.IsZero() || now.Sub(w.scannedAt) < interval {
		return false
	}
	w.scannedAt = now
	return true
}

// since returns the time from which a claim has to look that skips these subscriptions and
// organizations; zero if it has to look at all attempts.
func (w *watermark) since(skip []uuid.UUID) time.Time {
	if w.at.IsZero() {
		return time.Time{}
	}
	for _, id := range w.skipped {
		if !slices.Contains(skip, id) {
			return time.Time{} // its attempts were not looked at
		}
	}
	if len(skip) > 0 { // the next look at all attempts comes only after scanBesideInterval
		return w.at.Add(-maxLookBack)
	}
	return w.at.Add(-w.lookBack.length())
}

// note takes in a claim that the store made at its time at. If the claim took as many jobs as it
// could, the attempts that are left became due no earlier than the last job.
func (w *watermark) note(done plan, jobs []store.Job, at time.Time) {
	if !w.at.IsZero() {
		w.lookBack.learn(w.at, jobs, at)
	}
	w.skipped, w.at = done.skipped(), at
	if n := len(jobs); n == done.maxJobs && n > 0 {
		w.at = jobs[n-1].DueAt
	}
	if done.since.IsZero() {
		w.scannedAt = done.began
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
