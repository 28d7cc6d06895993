package signing

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrOnceFull says that a [MemoryOnce] holds claims alone, none of which has run out.
var ErrOnceFull = errors.New("too many webhooks are being handled")

// MemoryOnce is an [OnceStore] in the memory of one process. It forgets everything when the process
// ends. Get one from [NewMemoryOnce].
type MemoryOnce struct {
	max int
	ttl time.Duration

	mu   sync.Mutex
	ids  map[string]*list.Element
	done *list.List // of *onceEntry, the oldest first
	busy *list.List // of *onceEntry
}

var _ OnceStore = (*MemoryOnce)(nil)

type onceEntry struct {
	id      string
	nonce   string // of the claim
	done    bool
	expires time.Time
}

// NewMemoryOnce returns a store that remembers a webhook for the length of ttl after it was
// handled, and at most max webhooks: for a new one it forgets the oldest that was handled, never one
// that is being handled. A sender with the default schedule retries for four days, and an entry
// takes about 300 bytes. It panics if max or ttl is not positive.
func NewMemoryOnce(max int, ttl time.Duration) *MemoryOnce {
	if max <= 0 || ttl <= 0 {
		panic("signing: NewMemoryOnce needs a positive max and a positive ttl")
	}
	return &MemoryOnce{max: max, ttl: ttl, ids: map[string]*list.Element{}, done: list.New(), busy: list.New()}
}

// Claim implements [OnceStore]. The error is [ErrOnceFull].
func (m *MemoryOnce) Claim(_ context.Context, id, nonce string, lease time.Duration) (OnceState, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetOld(now)
	if found, ok := m.ids[id]; ok {
		e := found.Value.(*onceEntry)
		switch {
		case e.done:
			return OnceDone, nil
		case now.Before(e.expires):
			return OnceBusy, nil
		}
		e.nonce, e.expires = nonce, now.Add(lease)
		return OnceClaimed, nil
	}
	if len(m.ids) >= m.max && !m.makeRoom(now) {
		return 0, ErrOnceFull
	}
	m.ids[id] = m.busy.PushBack(&onceEntry{id: id, nonce: nonce, expires: now.Add(lease)})
	return OnceClaimed, nil
}

// Done implements [OnceStore].
func (m *MemoryOnce) Done(_ context.Context, id, nonce string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if claim := m.held(id, nonce); claim != nil {
		m.busy.Remove(claim)
		m.ids[id] = m.done.PushBack(&onceEntry{id: id, done: true, expires: time.Now().Add(m.ttl)})
	}
	return nil
}

// Release implements [OnceStore].
func (m *MemoryOnce) Release(_ context.Context, id, nonce string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if claim := m.held(id, nonce); claim != nil {
		m.remove(m.busy, claim)
	}
	return nil
}

// held returns the claim of a nonce; nil if it has none.
func (m *MemoryOnce) held(id, nonce string) *list.Element {
	found, ok := m.ids[id]
	if !ok {
		return nil
	}
	if e := found.Value.(*onceEntry); e.done || e.nonce != nonce {
		return nil
	}
	return found
}

func (m *MemoryOnce) remove(from *list.List, e *list.Element) {
	delete(m.ids, from.Remove(e).(*onceEntry).id)
}

// forgetOld removes the webhooks that were handled longer ago than ttl.
func (m *MemoryOnce) forgetOld(now time.Time) {
	for e := m.done.Front(); e != nil && !now.Before(e.Value.(*onceEntry).expires); e = m.done.Front() {
		m.remove(m.done, e)
	}
}

// makeRoom removes the oldest webhook that was handled, or else the claims that have run out.
func (m *MemoryOnce) makeRoom(now time.Time) bool {
	if oldest := m.done.Front(); oldest != nil {
		m.remove(m.done, oldest)
		return true
	}
	for e := m.busy.Front(); e != nil; {
		next := e.Next()
		if !now.Before(e.Value.(*onceEntry).expires) {
			m.remove(m.busy, e)
		}
		e = next
	}
	return len(m.ids) < m.max
}
