package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/store"
)

// The rules of the circuit breaker and of back-pressure are pure functions of a
// store.Health, an observation and the time. circuit.go applies them.
const (
	// CircuitAfter is how many failures without a success between them open the
	// circuit. Attempts that were under way together count as one failure.
	CircuitAfter = 10
	// FailingAfter is how many failures, counted in the same way, make an endpoint failing: its owner is told.
	FailingAfter = 3
	// GiveUpAfter is how long there may be nothing but failures, or back-pressure, before
	// the subscription is deactivated.
	GiveUpAfter = 5 * 24 * time.Hour

	// firstProbe is the wait from the opening of the circuit to the first probe, and
	// the least wait between two.
	firstProbe = time.Second
	// probeFraction and maxProbeWait keep the promise that an endpoint which is back
	// is served within max(2 s, a tenth of its absence), at most 10 minutes. The
	// margin is for the poll (500 ms by default) and for the request itself.
	probeFraction = 16
	maxProbeWait  = 9*time.Minute + 30*time.Second
)

// observation is an attempt that has ended.
type observation struct {
	kind         endingKind
	began, ended time.Time
	until        time.Time // pushedBack: the endpoint wants no attempt before
	probe        bool      // it was sent although the circuit was open
	quiet        bool      // its message tells of deliveries: see store.Health.Stage
}

// absenceWait is the wait before an endpoint that has been away for some time is
// tried again.
func absenceWait(away time.Duration) time.Duration {
	return min(max(away/probeFraction, firstProbe), maxProbeWait)
}

// nextProbe is when the probe after one that failed may begin. It counts from the
// beginning of the failed one, so that a probe that hangs costs no more than its
// time-out.
func nextProbe(h store.Health, o observation) time.Time {
	at := o.began.Add(absenceWait(o.ended.Sub(h.Since)))
	if o.kind == endPushback {
		at = o.until
	}
	return latest(at, o.ended)
}

// observe returns the Health of an endpoint after another attempt.
func observe(h store.Health, o observation) store.Health {
	switch o.kind {
	case endSuccess:
		after := store.Health{}
		if o.began.Before(h.BackPressureUntil) { // it was under way when the endpoint pushed back
			after = closeCircuit(h)
		}
		if o.quiet {
			after.Stage = h.Stage
		}
		return after
	case endPushback:
		if h.BackPressureSince.IsZero() {
			h.BackPressureSince = o.began
		}
		h.BackPressureUntil = latest(h.BackPressureUntil, o.until)
	case endFailure:
		if h.Failures == 0 {
			h.Since = o.began
		}
		if h.Failures == 0 || !o.began.Before(h.CountedUntil) {
			h.Failures++
			// Up to the end of the millisecond, which is as exact as stores are.
			h.CountedUntil = wholeMilliseconds(o.ended)
		}
		if h.Failures >= CircuitAfter && !circuitOpen(h) {
			h.ProbeAt = o.ended.Add(firstProbe)
		}
		if !o.quiet {
			h.Stage = max(h.Stage, stageOf(h))
		}
	default: // an attempt that was not sent, or failed on our side, changes no health
	}
	if o.probe && circuitOpen(h) {
		h.ProbeAt, h.ProbeUntil = nextProbe(h, o), time.Time{}
	}
	return h
}

// beginProbe reports whether a probe may begin now, and returns the Health with it. The
// next probe may follow when this one has ended, or after timeout if its end is never
// observed, because its host died. A probe that a person asked for waits for no other.
func beginProbe(h store.Health, now time.Time, timeout time.Duration, asked bool) (store.Health, bool) {
	if !circuitOpen(h) || !asked && (now.Before(h.ProbeAt) || now.Before(h.ProbeUntil)) {
		return h, false
	}
	h.Probes++
	h.ProbeAt, h.ProbeUntil = now.Add(absenceWait(now.Sub(h.Since))), now.Add(timeout)
	return h, true
}

// stageOf returns the stage of an endpoint that failed.
func stageOf(h store.Health) store.HealthStage {
	switch {
	case circuitOpen(h):
		return store.StageOpen
	case h.Failures >= FailingAfter:
		return store.StageFailing
	}
	return store.StageHealthy
}

// circuitOpen reports whether all attempts but probes are held.
func circuitOpen(h store.Health) bool { return !h.ProbeAt.IsZero() }

// closeCircuit returns the Health without failures. Back-pressure stays.
func closeCircuit(h store.Health) store.Health {
	return store.Health{BackPressureSince: h.BackPressureSince, BackPressureUntil: h.BackPressureUntil}
}

// unreachable reports whether an endpoint has taken nothing for GiveUpAfter.
func unreachable(h store.Health, now time.Time) bool {
	for _, since := range []time.Time{h.Since, h.BackPressureSince} {
		if !since.IsZero() && now.Sub(since) >= GiveUpAfter {
			return true
		}
	}
	return false
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// An endingKind classifies the end of an attempt, by its meaning for the endpoint.
type endingKind int

const (
	endUnsent endingKind = iota // no POST was made
	endGone                     // no POST was made: the subscription was deleted or archived
	endSuccess
	endFailure
	endPushback // the receiver asked for fewer requests: 429, or 503 with Retry-After
	endOwnFault // it failed on our side, and says nothing about the endpoint
)
