package delivery

import (
	"time"

	"github.com/google/uuid"
)

type lane struct {
	id       uuid.UUID
	org      uuid.UUID
	passed   bool // the last claim passed over it, because it is full
	refused  int  // how many it could not take since a claim,
	claim    int  // which is this one
	queue    ring[*task]
	place    int // among the lanes in which tasks wait, from 1
	inFlight int
	awaiting int    // attempts in flight without an answer: an answered one is in flight until it is recorded
	turn     *share // in which it has a turn; nil if it has none
	slow     bool   // its attempts count in the slow pool
	limiter  limiter

	samples  int           // attempts that ended here, since the average began
	failed   bool          // the last attempt did
	typical  time.Duration // moving average of how long an attempt takes here
	progress time.Time     // when an attempt last ended, or the first one began

	taken    meter       // attempts that the endpoint accepted
	pacer    *pacer      // nil if no rate limits the lane, or none is known
	timer    *time.Timer // offers the lane when the pacer allows it
	entering uuid.UUID   // the attempt that was taken and did not come to the pacer yet; zero for none
}

const (
	// firstLimit is how many attempts a lane may have in flight before anything is
	// known about its endpoint.
	firstLimit = 4
	// harmless is how long attempts may take in the mean without a lower limit being tried.
	harmless = 20 * time.Millisecond
	// slow is how long an attempt of a slow lane takes, at least.
	slow = time.Second
	// burst is for how long the tasks in a lane may last.
	burst = 2 * time.Second
)

const (
	unsent endingKind = iota // no POST was made
	succeeded
	failed
	pushedBack // the receiver asked for fewer requests: 429, or 503 with Retry-After
	ours       // it failed on our side, and tells nothing of the endpoint
)

// newLaneLimiter returns the limiter of a lane.
func newLaneLimiter(most int) limiter {
	l := newLimiter(1, firstLimit, most)
	l.harmless = harmless
	return l
}

// learn notes how long an attempt took, and whether it succeeded. The first success after
// failures that took much longer begins a new average: the endpoint is back.
func (ln *lane) learn(took time.Duration, success bool) {
	const muchLonger = 4
	if success && ln.failed && took < ln.typical/muchLonger {
		ln.samples = 0
	}
	ln.failed = !success
	ln.samples++
	ln.typical += (took - ln.typical) / time.Duration(min(ln.samples, 8))
}

// isSlow reports whether attempts take long here, have got no answer for long, or never
// got one.
func (ln *lane) isSlow(now time.Time) bool {
	return ln.samples == 0 || ln.typical >= slow || ln.awaiting > 0 && now.Sub(ln.progress) >= slow
}

// full reports whether the lane has as many attempts in flight as it may.
func (ln *lane) full() bool { return ln.inFlight >= ln.limiter.limit }

// pace returns how long an attempt takes in the lane, as far as can be told: what
// the past ones took, or how long the present ones have been silent.
func (ln *lane) pace(now time.Time) time.Duration {
	pace := max(ln.typical, time.Millisecond)
	if ln.awaiting >= ln.limiter.limit {
		pace = max(pace, now.Sub(ln.progress))
	}
	return pace
}

// most is how many tasks may wait in the lane for what it can do.
func (ln *lane) most(now time.Time) int {
	return max(1, int(burst/ln.pace(now))) * ln.limiter.limit
}

// away is how long a task that does not fit should stay away: until those before it
// may have gone out, the refused ones too, as far as that can be told.
func (ln *lane) away(now time.Time) time.Duration {
	const least, most = 200 * time.Millisecond, 30 * time.Second
	ln.refused++
	if ln.samples < 8 && now.Sub(ln.progress) < time.Second {
		return least
	}
	return min(max(ln.pace(now)*time.Duration(1+ln.refused/ln.limiter.limit), least), most)
}
