package delivery

import (
	"runtime"
	"time"

	"github.com/google/uuid"
)

// workers decides which task is sent next, and when: organizations take turns, and within
// an organization its subscriptions.
//
// Attempts in flight are counted in two pools. A slow subscription, of which an attempt
// takes a second and more, uses the pool of half of all workers; so it gives way to the
// quick ones. How many quick attempts are worth having in flight depends on the
// processors, and is found by a limiter: more than there is time for would only wait for
// each other.
type workers struct {
	most        int // in flight, in both pools
	quick, slow pool
	limiter     limiter // of the quick pool
	start       func(task)
	watch       *time.Timer // looks for subscriptions that have become slow; nil if it never ran
	watching    bool
}

// pool is a part of the workers and who uses it.
type pool struct {
	inFlight int
	tenants  map[uuid.UUID]*tenant // that have attempts in flight, or lanes with a turn
	turns    ring[*tenant]
	parked   ring[*tenant] // that have lanes with a turn, but their share of workers
}

// tenant is an organization in a pool.
type tenant struct {
	id       uuid.UUID
	inFlight int
	turns    ring[*lane]
	listed   bool // in the pool's turns, or parked
}

const (
	// shareFactor bounds what an organization may have in flight: so many times what is
	// free in the pool. One organization alone can use two thirds of a pool; however many
	// have their most, there is a part left for the next one. (Dynamic thresholds for
	// shared buffers: Choudhury and Hahne, IEEE/ACM Transactions on Networking, 1998.)
	shareFactor = 2
	// watchInterval is how often subscriptions without an answer are looked for while
	// tasks wait for a worker.
	watchInterval = 250 * time.Millisecond
	// quickPerCPU is how many quick attempts may be in flight before it was measured
	// whether more pay.
	quickPerCPU = 128
)

func newWorkers(most int, start func(task)) workers {
	first := min(most, quickPerCPU*runtime.GOMAXPROCS(0))
	return workers{
		most: most, limiter: newLimiter(first, first, most), start: start,
		quick: pool{tenants: map[uuid.UUID]*tenant{}}, slow: pool{tenants: map[uuid.UUID]*tenant{}},
	}
}

// pool returns the pool that a lane uses.
func (w *workers) pool(slow bool) *pool {
	if slow {
		return &w.slow
	}
	return &w.quick
}

// free returns how many workers of a pool are free.
func (w *workers) free(p *pool) int {
	limit := w.limiter.limit
	if p == &w.slow {
		limit = (w.most + 1) / 2
	}
	return min(limit-p.inFlight, w.most-w.quick.inFlight-w.slow.inFlight)
}

// next returns the lane whose turn it is, with its pool; nil if none may have a worker.
func (w *workers) next() (*lane, *pool) {
	for _, p := range []*pool{&w.quick, &w.slow} {
		if ln := p.next(w.free(p)); ln != nil {
			return ln, p
		}
	}
	return nil, nil
}

// tenant returns an organization of the pool, a new one if need be.
func (p *pool) tenant(id uuid.UUID) *tenant {
	t := p.tenants[id]
	if t == nil {
		t = &tenant{id: id}
		p.tenants[id] = t
	}
	return t
}

// list gives a lane a turn.
func (p *pool) list(ln *lane) {
	t := p.tenant(ln.org)
	t.turns.push(ln)
	if !t.listed {
		t.listed = true
		p.turns.push(t)
	}
}

// next returns the lane whose turn it is, nil if none may have a worker.
func (p *pool) next(free int) *lane {
	for free > 0 && p.turns.len() > 0 {
		t := p.turns.pop()
		if t.inFlight >= shareFactor*free {
			p.parked.push(t)
			continue
		}
		ln := t.turns.pop()
		if t.turns.len() > 0 {
			p.turns.push(t)
		} else {
			t.listed = false
			p.drop(t)
		}
		return ln
	}
	return nil
}

// add counts attempts of an organization, or no longer counts them if n is negative.
func (p *pool) add(org uuid.UUID, n int) {
	t := p.tenant(org)
	p.inFlight += n
	t.inFlight += n
	p.drop(t)
}

// unpark lets an organization have turns again, if its share has room now. One call looks
// at one organization, so that it costs the same however many there are.
func (p *pool) unpark(free int) {
	if p.parked.len() == 0 {
		return
	}
	t := p.parked.pop()
	if t.inFlight < shareFactor*free {
		p.turns.push(t)
	} else {
		p.parked.push(t)
	}
}

// waits reports whether tasks wait for a worker of the pool.
func (p *pool) waits() bool { return p.turns.len()+p.parked.len() > 0 }

// drop forgets an organization that has nothing in the pool.
func (p *pool) drop(t *tenant) {
	if t.inFlight == 0 && !t.listed {
		delete(p.tenants, t.id)
	}
}
