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
// takes a second and more or that never answered, uses the pool of half of all workers; so
// it gives way to the quick ones. How many quick attempts are worth having in flight
// depends on the processors, and is found by a limiter: more than there is time for would
// only wait for each other.
type workers struct {
	most         int // in flight, in both pools
	quick, slow  pool
	tenants      map[uuid.UUID]*tenant // that have attempts in flight, or lanes with a turn
	limiter      limiter               // of the quick pool
	start        func()                // a worker, which calls lanes.begin
	starting     int                   // workers that were started or woken, and did not look for a task yet
	mostStarting int
	idle         int // workers that wait for a task
	mostIdle     int
	watch        *time.Timer // looks for subscriptions that have become slow; nil if it never ran
	watching     bool
}

// pool is a part of the workers.
type pool struct {
	inFlight int
	turns    ring[*share]
	parked   ring[*share] // that have lanes with a turn, but no more workers
}

// tenant is an organization.
type tenant struct {
	id          uuid.UUID
	quick, slow share
}

// share is what an organization has of a pool.
type share struct {
	of       *tenant
	inFlight int
	turns    ring[*lane]
	listed   bool // in the pool's turns, or parked
}

const (
	// shareFactor bounds what an organization may have in flight, as a multiple of the free
	// workers: in a pool, and in both. One organization alone can use three quarters;
	// however many have their most, a part is left for the next one. (Dynamic thresholds for
	// shared buffers: Choudhury and Hahne, IEEE/ACM Transactions on Networking, 1998.)
	shareFactor = 3
	// watchInterval is how often subscriptions without an answer are looked for while
	// tasks wait for a worker.
	watchInterval = 250 * time.Millisecond
	// quickPerCPU is how many quick attempts may be in flight before it was measured
	// whether more pay.
	quickPerCPU = 128
	// idlePerCPU is how many workers without a task are kept. A new one has to grow its
	// stack, which costs a twentieth of a delivery.
	idlePerCPU = 32
)

func newWorkers(most int, start func()) workers {
	cpus := runtime.GOMAXPROCS(0)
	first := min(most, quickPerCPU*cpus)
	l := newLimiter(first, first, most)
	l.climbing = false
	return workers{
		most: most, limiter: l, tenants: map[uuid.UUID]*tenant{},
		start: start, mostStarting: cpus, mostIdle: idlePerCPU * cpus,
	}
}

// pool returns the pool that a lane uses.
func (w *workers) pool(slow bool) *pool {
	if slow {
		return &w.slow
	}
	return &w.quick
}

// share returns what an organization has of a pool.
func (w *workers) share(org uuid.UUID, slow bool) *share {
	t := w.tenants[org]
	if t == nil {
		t = &tenant{id: org}
		t.quick.of, t.slow.of = t, t
		w.tenants[org] = t
	}
	if slow {
		return &t.slow
	}
	return &t.quick
}

// free returns how many workers are free, in a pool and in all.
func (w *workers) free(p *pool) (here, all int) {
	here = w.limiter.limit
	if p == &w.slow {
		here = (w.most + 1) / 2
	}
	all = w.most - w.quick.inFlight - w.slow.inFlight
	return min(here-p.inFlight, all), all
}

// admits reports whether an organization may have one more worker of a pool.
func (w *workers) admits(p *pool, s *share) bool {
	here, all := w.free(p)
	return here > 0 && s.inFlight < shareFactor*here && s.of.quick.inFlight+s.of.slow.inFlight < shareFactor*all
}

// listed reports whether a lane has a turn in its pool. A turn in the other pool, from before
// the lane was moved, has lapsed.
func (w *workers) listed(ln *lane) bool {
	return ln.turn != nil && ln.turn == w.share(ln.org, ln.slow)
}

// list gives a lane a turn in its pool.
func (w *workers) list(ln *lane) {
	s := w.share(ln.org, ln.slow)
	ln.turn = s
	s.turns.push(ln)
	if !s.listed {
		s.listed = true
		w.pool(ln.slow).turns.push(s)
	}
}

// ready reports whether a lane has a turn for which there is a worker. The lane's
// organization may have its share nevertheless.
func (w *workers) ready() bool {
	for _, p := range []*pool{&w.quick, &w.slow} {
		if here, _ := w.free(p); here > 0 && p.turns.len() > 0 {
			return true
		}
	}
	return false
}

// next returns the lane whose turn it is, nil if none may have a worker.
func (w *workers) next() *lane {
	for _, p := range []*pool{&w.quick, &w.slow} {
		for here, _ := w.free(p); here > 0 && p.turns.len() > 0; {
			if ln := w.turn(p); ln != nil {
				return ln
			}
		}
	}
	return nil
}

// turn gives the next organization its turn. It returns nil for one that has its share,
// which it parks, and for a turn that lapsed.
func (w *workers) turn(p *pool) *lane {
	s := p.turns.pop()
	if !w.admits(p, s) {
		p.parked.push(s)
		return nil
	}
	ln := s.turns.pop()
	if s.turns.len() > 0 {
		p.turns.push(s)
	} else {
		s.listed = false
		w.drop(s.of)
	}
	if ln.turn != s {
		return nil
	}
	ln.turn = nil
	return ln
}

// add counts attempts of a lane, or no longer counts them if n is negative.
func (w *workers) add(ln *lane, n int) {
	s := w.share(ln.org, ln.slow)
	w.pool(ln.slow).inFlight += n
	s.inFlight += n
	w.drop(s.of)
}

// unpark lets an organization have turns again, if its share has room now. One call looks
// at one organization of each pool, so that it costs the same however many there are.
func (w *workers) unpark() {
	for _, p := range []*pool{&w.quick, &w.slow} {
		if p.parked.len() == 0 {
			continue
		}
		s := p.parked.pop()
		if w.admits(p, s) {
			p.turns.push(s)
		} else {
			p.parked.push(s)
		}
	}
}

// short reports whether lanes of the quick pool have turns for which there is no worker.
func (w *workers) short() bool {
	here, _ := w.free(&w.quick)
	return w.quick.parked.len() > 0 || here <= 0 && w.quick.turns.len() > 0
}

// waits reports whether tasks wait for a worker of the pool.
func (p *pool) waits() bool { return p.turns.len()+p.parked.len() > 0 }

// drop forgets an organization that has nothing in either pool.
func (w *workers) drop(t *tenant) {
	if t.quick.inFlight == 0 && t.slow.inFlight == 0 && !t.quick.listed && !t.slow.listed {
		delete(w.tenants, t.id)
	}
}
