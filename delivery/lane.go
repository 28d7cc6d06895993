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
	queue    ring[task]
	place    int // among the lanes in which tasks wait, from 1
	inFlight int
	awaiting int  // of those in flight, which have no answer yet: what is recorded waits for the store
	limit    int  // of inFlight: see learn
	queued   bool // in its tenant's turns

	samples  int           // attempts that ended here
	quickest time.Duration // of those of late
	balance  int           // of quick ones over slower ones since limit changed
	settled  bool          // limit has been reduced
	typical  time.Duration // moving average of how long an attempt takes here
	progress time.Time     // when an attempt last ended, or the first one began

	pacer    *pacer      // nil if there is no RateLimit, or it is not known
	timer    *time.Timer // offers the lane when the pacer allows it
	entering uuid.UUID   // the attempt that was taken and did not come to the pacer yet; zero for none
}

const (
	// firstLimit is how many attempts a lane may have in flight before anything is
	// known about its endpoint.
	firstLimit = 4
	// slow is from when on an attempt speaks against more of them at once.
	slow = time.Second
	// busy is what an attempt may take beyond twice the quickest before it speaks for
	// fewer of them.
	busy = 500 * time.Microsecond
	// enough in flight are never too many for an endpoint that answers quickly.
	enough = 24
	// burst is for how long the tasks in a lane may last.
	burst = 2 * time.Second
)

// learn notes how an attempt went, which decides how many the lane may have in
// flight. At first quick successes add one each. From when one is much slower than the
// quickest it is about balance: the endpoint, or this machine, then has as much as it
// can do at once, and more in flight would only wait, in the way of others. A failure,
// or one that takes seconds, halves it. So a strange endpoint that hangs takes few
// workers with it, one that fails is asked little more often than it takes to notice,
// and a good one soon has all that it can use.
func (ln *lane) learn(took time.Duration, well bool, bound int) {
	ln.samples++
	ln.typical += (took - ln.typical) / time.Duration(min(ln.samples, 8))
	if ln.quickest == 0 || took < ln.quickest {
		ln.quickest = took
	} else {
		ln.quickest += (took - ln.quickest) / 1024 // it may not be so quick again
	}
	switch {
	case !well || took >= slow:
		ln.limit, ln.balance, ln.settled = max(ln.limit/2, 1), 0, true
	case took > 2*ln.quickest+busy:
		ln.balance, ln.settled = ln.balance-2, true
	case !ln.settled:
		ln.limit = min(ln.limit+1, bound)
	default:
		ln.balance++
	}
	switch {
	case ln.balance >= 4:
		ln.limit, ln.balance = min(ln.limit+1, bound), 0
	case ln.balance <= -4:
		ln.balance = 0
		if ln.limit > enough {
			ln.limit--
		}
	}
}

// pace returns how long an attempt takes in the lane, as far as can be told: what
// the past ones took, or how long the present ones have been silent.
func (ln *lane) pace(now time.Time) time.Duration {
	pace := max(ln.typical, time.Millisecond)
	if ln.awaiting >= ln.limit {
		pace = max(pace, now.Sub(ln.progress))
	}
	return pace
}

// most is how many tasks may wait in the lane for what it can do.
func (ln *lane) most(now time.Time) int {
	return max(1, int(burst/ln.pace(now))) * ln.limit
}

// away is how long a task that does not fit should stay away: until those before it
// may have gone out, the refused ones too, as far as that can be told.
func (ln *lane) away(now time.Time) time.Duration {
	const least, most = 200 * time.Millisecond, 30 * time.Second
	ln.refused++
	if ln.samples < 8 && now.Sub(ln.progress) < time.Second {
		return least
	}
	return min(max(ln.pace(now)*time.Duration(1+ln.refused/ln.limit), least), most)
}
