package delivery

import (
	"math"
	"time"
)

// limiter finds how many attempts are worth having in flight: the limit with the most
// successes a second, and of two limits that give the same, the lower one.
//
// By Little's law, n attempts in flight give n/cost successes a second, where cost is the
// time that attempts spend in flight for each success. Doubling the limit therefore pays
// unless it doubles the cost. The limiter measures the cost in windows, compares the
// present limit with half or double of it, and keeps the better one: hill climbing, as
// thread pools use it. In the beginning each window that pays doubles the limit, as
// TCP's slow start does.
//
// A limiter that compares with the shortest latency ever seen (TCP Vegas) never recovers
// from one instant answer, and one that halves at each failure halves many times for one
// event. Here the baseline is measured anew before each comparison, a window gives one
// verdict however many of its attempts failed, and failures that do not depend on the
// limit cancel out.
//
// It does no I/O, takes no lock, and reads no clock.
type limiter struct {
	minLimit, firstLimit, maxLimit int
	harmlessLatency                time.Duration // attempts that take so long in the mean need no lower limit

	limit int // in force: best, or the limit on trial

	epoch  int       // counts changes of limit: attempts that began before the change are not measured
	began  time.Time // the present window
	window sample

	best     int    // the limit that the next trial has to beat
	base     sample // measured at best since the last trial
	trial    sample // measured at limit, while that is not best
	upward   bool   // direction of the trial
	factor   int    // of a trial: 2, or 4 after a large change
	climbing bool   // no trial has failed yet

	windows  int // in base, or in trial
	calmFor  int // windows at best before the next trial
	rejected int // trials that failed since best changed
}

// sample sums up attempts that began under one limit.
type sample struct {
	attempts, successes int
	seconds, squares    float64 // sums of the attempts' durations, and of their squares
}

const (
	// maxCostGrowth is the most that the cost may grow with the limit, as an exponent: at 1 the
	// throughput stays the same, at 0 it grows with the limit. At 0.85 doubling the limit
	// has to give at least 11 % more.
	maxCostGrowth = 0.85
	// minStandardErrors is how many standard errors a comparison has to be away from
	// maxCostGrowth to count as decided.
	minStandardErrors = 2
	// trialWindows is how many windows a trial may take to be decided, in the beginning
	// fewTrialWindows.
	trialWindows, fewTrialWindows = 6, 2
	// calmWindows is how many windows lie between two trials; fewer after a change, where
	// the opposite direction was not tried yet, and below coarseLimit.
	calmWindows, fewCalmWindows, coarseCalmWindows = 32, 4, 8
	// coarseLimit is the limit below which an undecided trial counts for the higher limit:
	// a limit that is too low costs more than one that is too high.
	coarseLimit = 16
	// minWindowAttempts is the fewest attempts in a window.
	minWindowAttempts = 8
	// minOutage and maxOutage bound how long nothing has to succeed for a verdict.
	minOutage, maxOutage = 50 * time.Millisecond, time.Second
	// minVariance keeps equal durations from looking exact.
	minVariance = 0.01
)

func newLimiter(least, first, most int) limiter {
	first = max(least, min(first, most))
	return limiter{minLimit: least, firstLimit: first, maxLimit: most, limit: first, best: first, upward: true, factor: 2, climbing: true}
}

// end notes that an attempt ended which began in an epoch. Full says that the limit was
// in use: an attempt beside free room says nothing about the limit.
func (l *limiter) end(epoch int, took time.Duration, success, full bool, now time.Time) {
	switch {
	case epoch != l.epoch:
		return
	case !full:
		l.restart(now)
		return
	}
	l.window.add(took, success)
	if l.window.attempts < max(l.limit, minWindowAttempts) || l.window.successes == 0 && now.Sub(l.began) < l.outage() {
		return
	}
	switch {
	case l.window.successes == 0:
		l.startOver(now)
	case l.limit == l.best:
		l.measure(now)
	default:
		l.judge(now)
	}
}

// outage returns how long nothing has to succeed for a verdict: so long that a success
// would have come, or failures at once would give a verdict each millisecond.
func (l *limiter) outage() time.Duration {
	mean := time.Duration(l.base.seconds / float64(max(l.base.attempts, 1)) * float64(time.Second))
	return min(minOutage+2*mean, maxOutage)
}

// startOver begins again after a window without a success, as TCP does after a time-out: from
// the first limit, or the present one if that is lower.
func (l *limiter) startOver(now time.Time) {
	l.best = min(l.limit, l.firstLimit)
	l.settle(0, now)
	l.upward, l.climbing = true, true
}

// measure takes in a window at best, and begins a trial when it is time, or at once when
// the cost has changed.
func (l *limiter) measure(now time.Time) {
	l.windows++
	change := l.window.changeFrom(l.base)
	if change != 0 {
		l.base, l.rejected, l.upward = sample{}, 0, change < 0
		if math.Abs(change) > math.Log(4) {
			l.factor = 4
		}
	}
	l.base.join(l.window)
	if change != 0 || l.climbing || l.windows >= l.calmFor {
		l.try(now)
	} else {
		l.restart(now)
	}
}

// try begins a trial of a limit beside best.
func (l *limiter) try(now time.Time) {
	switch l.best {
	case l.maxLimit:
		l.upward = false
	case l.minLimit:
		l.upward = true
	}
	if l.harmless(l.base) {
		if l.best == l.maxLimit {
			l.settle(calmWindows, now)
			return
		}
		l.upward = true
	}
	l.trial, l.windows = sample{}, 0
	if l.upward {
		l.set(l.best*l.factor, now)
	} else {
		l.set(l.best/l.factor, now)
	}
}

// judge takes in a window of a trial and decides the trial, unless it needs more windows.
func (l *limiter) judge(now time.Time) {
	l.trial.join(l.window)
	l.windows++
	low, high, span := l.base, l.trial, math.Log(float64(l.limit)/float64(l.best))
	if !l.upward {
		low, high, span = high, low, -span
	}
	growth, decided := high.growth(low, span)
	if l.upward && growth < maxCostGrowth && !l.climbing && l.windows < fewTrialWindows {
		decided = false // the first attempts of a higher limit meet the short queue of the lower one
	}
	if !decided {
		if l.windows < fewTrialWindows || !l.climbing && l.windows < trialWindows {
			l.restart(now)
			return
		}
		if l.climbing || min(l.best, l.limit) < coarseLimit {
			growth = 0
		}
	}
	if l.upward && l.harmless(l.trial) {
		growth = 0
	}
	if l.upward == (growth < maxCostGrowth) {
		l.accept(growth, now)
	} else {
		l.reject(now)
	}
}

// harmless reports whether all attempts of a sample succeeded, and took no longer than
// harmlessLatency. Where the processors of this host are busy a lower limit gives the same in less time,
// but the time is not the endpoint's: halved again and again, the limit would leave too little in
// flight. (A delay below a target is good, as in CoDel, RFC 8289.)
func (l *limiter) harmless(s sample) bool {
	return s.successes > 0 && s.successes == s.attempts && s.seconds/float64(s.attempts) <= l.harmlessLatency.Seconds()
}

// accept makes the limit on trial the best one, and goes on in the same direction where
// that is promising.
func (l *limiter) accept(growth float64, now time.Time) {
	const clearlyPaying, clearlyDeclining = 0.5, 1.3
	l.best, l.rejected = l.limit, 0
	promising := growth > clearlyDeclining && l.best > l.minLimit
	if l.upward {
		promising = (l.climbing || growth < clearlyPaying) && l.best < l.maxLimit
	}
	if promising {
		l.base = l.trial
		l.try(now)
		return
	}
	l.settle(fewCalmWindows, now)
}

// reject returns to the best limit. The next trial goes in the opposite direction.
func (l *limiter) reject(now time.Time) {
	calm := calmWindows
	l.rejected++
	switch {
	case l.climbing, l.rejected < 2 && l.best < l.maxLimit:
		calm = fewCalmWindows
	case l.best < coarseLimit:
		calm = coarseCalmWindows
	}
	l.upward = !l.upward
	l.settle(calm, now)
}

// settle ends a trial.
func (l *limiter) settle(calm int, now time.Time) {
	l.base, l.windows, l.calmFor, l.factor, l.climbing = sample{}, 0, calm, 2, false
	l.set(l.best, now)
}

func (l *limiter) set(limit int, now time.Time) {
	l.limit = max(l.minLimit, min(limit, l.maxLimit))
	l.restart(now)
}

// restart begins a window.
func (l *limiter) restart(now time.Time) {
	l.epoch++
	l.began, l.window = now, sample{}
}

func (s *sample) add(took time.Duration, success bool) {
	seconds := took.Seconds()
	s.attempts++
	s.seconds += seconds
	s.squares += seconds * seconds
	if success {
		s.successes++
	}
}

func (s *sample) join(other sample) {
	s.attempts += other.attempts
	s.successes += other.successes
	s.seconds += other.seconds
	s.squares += other.squares
}

// logCost returns the logarithm of the cost and the variance of that estimate. It is
// infinite where nothing succeeded.
func (s sample) logCost() (cost, variance float64) {
	n := float64(s.attempts)
	if s.successes == 0 {
		return math.Inf(1), 1 / n
	}
	mean, share := s.seconds/n, float64(s.successes)/n
	spread := s.squares/n/(mean*mean) - 1 // squared coefficient of variation
	return math.Log(mean / share), max(spread+(1-share)/share, minVariance) / n
}

// growth returns the exponent with which the cost grew from a lower limit to this higher
// one, and whether it is clearly above or below maxCostGrowth. Span is the distance of the logarithms
// of the limits.
func (s sample) growth(lower sample, span float64) (exponent float64, decided bool) {
	cost, variance := s.logCost()
	lowerCost, lowerVariance := lower.logCost()
	switch {
	case s.successes == 0:
		return math.Inf(1), true
	case lower.successes == 0:
		return math.Inf(-1), true
	}
	exponent = (cost - lowerCost) / span
	return exponent, math.Abs(exponent-maxCostGrowth) >= minStandardErrors*math.Sqrt(variance+lowerVariance)/span
}

// changeFrom returns by how much the logarithm of the cost differs from a baseline, and 0
// where that may be chance.
func (s sample) changeFrom(base sample) float64 {
	const least, standardErrors = 0.3, 3 // a third, beyond three standard errors
	if base.attempts == 0 {
		return 0
	}
	cost, variance := s.logCost()
	baseCost, baseVariance := base.logCost()
	if cost == baseCost || math.Abs(cost-baseCost) <= least+standardErrors*math.Sqrt(variance+baseVariance) {
		return 0
	}
	return cost - baseCost
}
