package delivery

import (
	"runtime"
	"time"

	"github.com/google/uuid"
)

// turns say which lane sends next: organizations take turns, and within an organization its
// subscriptions.
//
// Attempts in flight are counted in two pools. A slow lane, with attempts that take a second or more
// or never ended, uses the slow pool, which is half of all workers; the other half is left to quick
// lanes. How many quick attempts are worth having in flight depends on the processors, and is found
// by a limiter: beyond that they only wait for each other.
//
// It does no I/O, takes no lock and reads no clock.
type turns struct {
	maxInFlight int // in both pools
	quick, slow pool
	tenants     map[uuid.UUID]*tenant // that have attempts in flight, or lanes with a turn
	limiter     limiter               // of the quick pool
}

// A pool is a part of the workers.
type pool struct {
	kind     poolKind
	inFlight int
	turns    ring[*share]
	parked   ring[*share] // shares that are used up, and have lanes with a turn
}

// A tenant is an organization.
type tenant struct {
	id          uuid.UUID
	quick, slow share
}

// A share is the part of a pool that an organization uses.
type share struct {
	tenant   *tenant
	inFlight int
	turns    ring[*lane]
	listed   bool // in the pool's turns, or parked
}

const (
	// shareFactor bounds the attempts of an organization in flight, as a multiple of the free
	// workers: in a pool, and in both. One organization alone can use three quarters; however
	// many have used up their shares, a part is left for the next one. (Dynamic thresholds for
	// shared buffers: Choudhury and Hahne, IEEE/ACM Transactions on Networking, 1998.)
	shareFactor = 3
	// watchInterval is how often the backlog looks for lanes without an answer while tasks
	// wait for a worker.
	watchInterval = 250 * time.Millisecond
	// quickPerCPU is how many quick attempts may be in flight before the limiter has measured
	// whether more pay.
	quickPerCPU = 128
)

func newTurns(maxInFlight int) turns {
	first := min(maxInFlight, quickPerCPU*runtime.GOMAXPROCS(0))
	l := newLimiter(first, first, maxInFlight)
	l.climbing = false
	return turns{
		maxInFlight: maxInFlight, limiter: l, tenants: map[uuid.UUID]*tenant{},
		quick: pool{kind: quickPool}, slow: pool{kind: slowPool},
	}
}

// pool returns the pool that a lane uses.
func (t *turns) pool(ln *lane) *pool {
	if ln.slow {
		return &t.slow
	}
	return &t.quick
}

// share returns the share that a lane uses.
func (t *turns) share(ln *lane) *share {
	o := t.tenants[ln.org]
	if o == nil {
		o = &tenant{id: ln.org}
		o.quick.tenant, o.slow.tenant = o, o
		t.tenants[ln.org] = o
	}
	if ln.slow {
		return &o.slow
	}
	return &o.quick
}

// free returns how many workers are free, in a pool and in total.
func (t *turns) free(p *pool) (inPool, total int) {
	inPool = t.limiter.limit
	if p == &t.slow {
		inPool = (t.maxInFlight + 1) / 2
	}
	total = t.maxInFlight - t.quick.inFlight - t.slow.inFlight
	return min(inPool-p.inFlight, total), total
}

// admits reports whether an organization may have one more worker of a pool.
func (t *turns) admits(p *pool, s *share) bool {
	inPool, total := t.free(p)
	inFlight := s.tenant.quick.inFlight + s.tenant.slow.inFlight
	return inPool > 0 && s.inFlight < shareFactor*inPool && inFlight < shareFactor*total
}

// listed reports whether a lane has a turn in its pool. A turn in the other pool, from before
// the lane was moved, has lapsed.
func (t *turns) listed(ln *lane) bool { return ln.turn == t.pool(ln).kind }

// list gives a lane a turn in its pool.
func (t *turns) list(ln *lane) {
	p, s := t.pool(ln), t.share(ln)
	ln.turn = p.kind
	s.turns.push(ln)
	if !s.listed {
		s.listed = true
		p.turns.push(s)
	}
}

// ready reports whether a lane has a turn and its pool has a free worker. The share of the lane's
// organization may be used up nevertheless.
func (t *turns) ready() bool {
	for _, p := range []*pool{&t.quick, &t.slow} {
		if inPool, _ := t.free(p); inPool > 0 && p.turns.len() > 0 {
			return true
		}
	}
	return false
}

// next returns the lane that sends next, nil if none may have a worker.
func (t *turns) next() *lane {
	for _, p := range []*pool{&t.quick, &t.slow} {
		for inPool, _ := t.free(p); inPool > 0 && p.turns.len() > 0; {
			if ln := t.turn(p); ln != nil {
				return ln
			}
		}
	}
	return nil
}

// turn gives the next organization its turn. It returns nil for an organization that has used up its
// share, which it parks, and for a turn that lapsed.
func (t *turns) turn(p *pool) *lane {
	s := p.turns.pop()
	if !t.admits(p, s) {
		p.parked.push(s)
		return nil
	}
	ln := s.turns.pop()
	if s.turns.len() > 0 {
		p.turns.push(s)
	} else {
		s.listed = false
		t.drop(s.tenant)
	}
	if ln.turn != p.kind {
		return nil
	}
	ln.turn = noPool
	return ln
}

// add counts attempts of a lane in flight, or no longer counts them if n is negative.
func (t *turns) add(ln *lane, n int) {
	s := t.share(ln)
	t.pool(ln).inFlight += n
	s.inFlight += n
	t.drop(s.tenant)
}

// classify moves a lane to the pool that it belongs to now, with its attempts in flight.
func (t *turns) classify(ln *lane, now time.Time) {
	slow := ln.isSlow(now)
	if slow == ln.slow {
		return
	}
	t.add(ln, -ln.inFlight)
	ln.slow = slow
	t.add(ln, ln.inFlight)
}

// learn notes how an attempt of a lane ended. An attempt that failed kept a worker busy, too: the
// limiter of the quick pool counts how many attempts end.
func (t *turns) learn(ln *lane, epoch int, e ending, now time.Time) {
	if !ln.slow && e.kind != endPushback {
		t.limiter.end(epoch, e.took, true, t.short(), now)
	}
}

// short reports whether lanes of the quick pool have turns for which there is no worker.
func (t *turns) short() bool {
	inPool, _ := t.free(&t.quick)
	return t.quick.parked.len() > 0 || inPool <= 0 && t.quick.turns.len() > 0
}

// unpark lets an organization have turns again, if its share has room now. One call looks
// at one organization of each pool, so that it costs the same however many there are.
func (t *turns) unpark() {
	for _, p := range []*pool{&t.quick, &t.slow} {
		if p.parked.len() == 0 {
			continue
		}
		s := p.parked.pop()
		if t.admits(p, s) {
			p.turns.push(s)
		} else {
			p.parked.push(s)
		}
	}
}

// unparkAll lets all organizations have turns again that have room in their shares.
func (t *turns) unparkAll() {
	for range t.quick.parked.len() + t.slow.parked.len() {
		t.unpark()
	}
}

// waits reports whether lanes wait for a worker of the pool.
func (p *pool) waits() bool { return p.turns.len()+p.parked.len() > 0 }

// drop forgets an organization that uses neither pool.
func (t *turns) drop(o *tenant) {
	if o.quick.inFlight == 0 && o.slow.inFlight == 0 && !o.quick.listed && !o.slow.listed {
		delete(t.tenants, o.id)
	}
}
