package delivery

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
)

// returnPause is the shortest time between two claims that were woken for returns. It is shorter
// than maxRateWait, so that the attempts that gather meanwhile can stay in their lane.
const returnPause = 100 * time.Millisecond

// pacers has the pacers of subscriptions, and wakes the claims when an attempt returns that waits
// in the store for a rate. Its methods need the lock of the backlog.
type pacers struct {
	mu     *sync.Mutex // of the backlog
	clock  clock.Clock
	wake   func()                  // looks for due attempts
	detach func(id uuid.UUID) bool // takes a pacer away from its lane; false: the lane is in use
	all    map[uuid.UUID]*pacer    // by subscription

	sweepSize  int         // idle pacers are dropped when there are as many pacers
	timer      clock.Timer // runs until nextReturn, if that is not zero
	nextReturn time.Time
	closed     bool
}

// get returns the pacer of a subscription, a new one if need be.
func (s *pacers) get(id uuid.UUID, now time.Time) *pacer {
	p := s.all[id]
	if p == nil {
		s.sweep(now)
		p = newPacer()
		s.all[id] = p
	}
	return p
}

// sweep drops the pacers that have nothing to remember.
func (s *pacers) sweep(now time.Time) {
	if len(s.all) < s.sweepSize {
		return
	}
	for id, p := range s.all {
		if p.idle(now) && s.detach(id) {
			delete(s.all, id)
		}
	}
	s.sweepSize = max(1000, 2*len(s.all))
}

// expect wakes the claims when an attempt is due that was given back.
func (s *pacers) expect(at, now time.Time) {
	if s.closed || !s.nextReturn.IsZero() && !at.Before(s.nextReturn) {
		return
	}
	s.nextReturn = at
	wait := max(at.Sub(now), returnPause)
	if s.timer == nil {
		s.timer = s.clock.AfterFunc(wait, s.returned)
	} else {
		s.timer.Reset(wait)
	}
}

func (s *pacers) returned() {
	s.mu.Lock()
	now := s.clock.Now()
	s.nextReturn = time.Time{}
	for _, p := range s.all {
		if at, ok := p.returns.next(p.held, now); ok {
			s.expect(at, now)
		}
	}
	s.mu.Unlock()
	s.wake()
}

func (s *pacers) close() {
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
