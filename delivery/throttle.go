package delivery

import "time"

// A throttle learns how many attempts a second an endpoint takes, from its refusals: the
// answers by which it pushes back. The first refusal sets the rate to nine tenths of the rate that was
// accepted just before. Then the rate grows along the curve of TCP CUBIC (RFC 9438): it comes close to
// the last limit soon, stays there for the plateau, and leaves it ever faster. So an unchanged limit is found
// again with few refusals, and a higher one too. Growth is clocked by accepted attempts: a rate
// that is not used does not grow. The zero value limits nothing.
//
// It does no I/O, takes no lock and reads no clock.
type throttle struct {
	limit         float64       // the rate at which the endpoint refused; 0: none is known
	age           time.Duration // of the growth since then
	plateau       time.Duration // the age at which the rate is limit again
	refusedAt     time.Time     // attempts that began before belong to a refusal that is counted
	acceptedCount int           // attempts accepted since then, or since the last hold
	measuring     bool          // limit counts the attempts that were accepted within a second
	suspect       bool          // the last refusal came after one accepted attempt, which says little
}

const (
	// throttleDepth is the part of the limit by which the rate goes below it.
	throttleDepth = 0.1
	// throttleStep is how far a refusal takes the rate down at most.
	throttleStep = 0.7
	// throttleEnd is the multiple of the limit at which the throttle ends, because it holds nothing
	// back.
	throttleEnd = 8
	// minPlateau is the plateau after a limit that was not there before. It
	// doubles with each refusal at the same limit, up to maxPlateau.
	minPlateau = 12 * time.Second
	maxPlateau = 24 * time.Second
	// outagePlateau is the plateau of an endpoint that is out of service.
	outagePlateau = time.Second
	// plateauAttempts is how many attempts a plateau lasts at least.
	plateauAttempts = 8
	// throttleLife is how long a throttle lasts without a refusal.
	throttleLife = time.Hour
	// minThrottle is the lowest rate, in attempts a second.
	minThrottle = 1.0 / 600
	// sameLimit is the relative distance up to which two limits count as the same.
	sameLimit = 0.25
)

// rate returns how many attempts a second may begin; 0 for any number.
func (t *throttle) rate() float64 {
	if t.limit == 0 {
		return 0
	}
	x := float64(t.age-t.plateau) / float64(t.plateau)
	return t.limit * (1 + throttleDepth*x*x*x)
}

// accepted notes an attempt that the endpoint took.
func (t *throttle) accepted(began, now time.Time) {
	if t.measuring && began.Before(t.refusedAt) && now.Sub(t.refusedAt) < meterWindow { // it was accepted before the refusal
		t.limit++
	}
	if t.acceptedCount++; t.limit == 0 {
		return
	}
	t.age += time.Duration(float64(time.Second) / t.rate())
	if t.rate() > throttleEnd*t.limit || now.Sub(t.refusedAt) > throttleLife {
		*t = throttle{refusedAt: t.refusedAt, acceptedCount: t.acceptedCount}
	}
}

// refused notes a refusal of an attempt that began at a time. Accepted is how many
// attempts a second were accepted just before. Refusals of attempts that were under way
// together are one event.
func (t *throttle) refused(began, now time.Time, accepted float64) {
	if began.Before(t.refusedAt) {
		return
	}
	taken, former, suspect := t.acceptedCount, t.rate(), t.suspect
	t.measuring = false
	t.refusedAt, t.acceptedCount, t.suspect = now, 0, false
	switch {
	case taken == 0 && former > 0:
		t.outOfService()
		return
	case former > 0:
		accepted = min(max(accepted, throttleStep*former), former)
	case accepted < 2 && (!suspect || taken == 0 || taken >= plateauAttempts):
		t.suspect = accepted > 0 || suspect // it may be out of service: wait for a second sign
		return
	default:
		accepted = max(accepted, 1)
	}
	if accepted > (1-sameLimit)*t.limit && accepted < (1+sameLimit)*t.limit {
		t.plateau = min(max(2*t.plateau, minPlateau), maxPlateau)
	} else {
		t.plateau = minPlateau
	}
	t.limit, t.age, t.measuring = max(accepted, minThrottle), 0, former == 0
	t.keepAttempts()
}

// outOfService notes that the endpoint refused the first attempt after a hold as long as it had asked
// for. It is out of service rather than too busy, and the limit means little: the rate grows
// quickly when the endpoint is back.
func (t *throttle) outOfService() {
	if t.limit > 0 {
		t.plateau, t.age = outagePlateau, 0
		t.keepAttempts()
	}
}

// keepAttempts makes the plateau last plateauAttempts at least.
func (t *throttle) keepAttempts() {
	t.plateau = max(t.plateau, time.Duration(plateauAttempts/t.limit*float64(time.Second)))
}

// A meter counts the attempts accepted in the last second: all of the present window, and a
// part of the window before, as if they were spread evenly over it.
type meter struct {
	began           time.Time // the present window
	count, previous int
}

const meterWindow = time.Second

func (m *meter) add(now time.Time) {
	m.roll(now)
	m.count++
}

// perSecond returns how many were accepted in the last second.
func (m *meter) perSecond(now time.Time) float64 {
	m.roll(now)
	past := float64(now.Sub(m.began)) / float64(meterWindow)
	return float64(m.count) + float64(m.previous)*(1-past)
}

func (m *meter) roll(now time.Time) {
	switch past := now.Sub(m.began); {
	case past >= 2*meterWindow:
		*m = meter{began: now}
	case past >= meterWindow:
		*m = meter{began: m.began.Add(meterWindow), previous: m.count}
	}
}
