package delivery

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	// maxManualProbes is how many probes that a person asked for may begin in each manualProbeWindow, of
	// one subscription in one process. A recovery asks for thousands of manual retries; manual
	// retries beyond maxManualProbes are held as all other attempts are.
	maxManualProbes   = CircuitAfter
	manualProbeWindow = 10 * time.Second
)

// maxHold is how long an attempt is held at most before it is looked at again, up to a
// quarter more. It bounds how long attempts stay where a host dies after it closed the
// circuit, and before it released them.
const maxHold = time.Hour

// holds plan when held attempts become due: one after the other, as far apart as probes
// are, so that there is one for each probe and a long queue is not claimed for nothing.
type holds struct {
	mu      sync.Mutex
	planned map[uuid.UUID]hold // by subscription
	sweepAt int                // how many there may be before old ones are dropped

	trying map[uuid.UUID]bool // subscriptions for which an attempt asks the store whether it may be the probe
}

// beginTry reports whether an attempt may ask the store whether it is the probe. If another attempt of the subscription
// asks at the same time, the answer is no without asking: all attempts of a busy endpoint would wait for one row of
// the database, each with a worker and a connection.
func (h *holds) beginTry(subscription uuid.UUID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trying[subscription] {
		return false
	}
	h.trying[subscription] = true
	return true
}

func (h *holds) endTry(subscription uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.trying, subscription)
}

// A hold is the plan of one open circuit.
type hold struct {
	since time.Time // of the Health: another one means that the circuit was closed meanwhile
	last  time.Time // when the attempt that was held last becomes due

	window       time.Time // when the present manualProbeWindow began
	manualProbes int       // probes in the window that a person asked for
}

// admitManual reports whether a probe that a person asked for may begin, and counts it.
func (h *holds) admitManual(subscription uuid.UUID, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.planned[subscription]
	if now.Sub(p.window) >= manualProbeWindow {
		p.window, p.manualProbes = now, 0
	}
	if p.manualProbes == maxManualProbes {
		return false
	}
	p.manualProbes++
	h.planned[subscription] = p
	return true
}

// plan returns when an attempt becomes due that is held now.
func (h *holds) plan(subscription uuid.UUID, health store.Health, now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.planned) >= h.sweepAt {
		for id, p := range h.planned {
			if p.last.Before(now) && now.Sub(p.window) >= manualProbeWindow {
				delete(h.planned, id)
			}
		}
		h.sweepAt = max(1000, 2*len(h.planned))
	}
	wait := absenceWait(now.Sub(health.Since))
	at := health.ProbeAt
	if !at.After(now) { // another probe is under way
		at = now.Add(wait)
	}
	p := h.planned[subscription]
	if p.since.Equal(health.Since) && !p.last.Before(at) {
		at = p.last.Add(wait)
	}
	if at.Sub(now) > maxHold {
		return now.Add(maxHold + rand.N(maxHold/4)) //nolint:gosec // only so that they do not all come at once
	}
	p.since, p.last = health.Since, at
	h.planned[subscription] = p
	return at
}
