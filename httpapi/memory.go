package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxMemoryWait bounds how long a request waits for memory; then it gets a 503.
const maxMemoryWait = 5 * time.Second

// What work is expected to take, at most, in multiples of the bytes that it is about.
const (
	workPerBody   = 32 // a JSON array of short items, decoded
	workPerRecord = 4  // a record that is read, shown and encoded
	workPerPage   = 3  // records that are encoded one by one
)

// memory is a number of bytes that requests share. They get bytes in the order in which
// they ask. An owner has at most half of the bytes, so that one organization leaves the
// other half to its neighbours: a request that waits for its owner's half does not hold up
// the requests of other owners.
type memory struct {
	mu      sync.Mutex
	total   int64
	used    int64
	byOwner map[string]int64
	waiting []*reservation
}

// reservation is the bytes that a request has of a memory.
type reservation struct {
	of      *memory
	owner   string
	bytes   int64
	wanted  int64         // while it waits
	granted chan struct{} // closed when it has the bytes
}

func newMemory(total int64) *memory { return &memory{total: total, byOwner: map[string]int64{}} }

// resize makes the reservation so large, or three quarters of what its owner can have, if
// that is less: large work can begin beside answers that are read slowly. To grow it gives its
// bytes back first, since requests that keep bytes while they wait could wait for
// each other. It returns errOverloaded after maxMemoryWait, with an empty reservation.
func (r *reservation) resize(ctx context.Context, bytes int64) error {
	m := r.of
	bytes = min(bytes, m.total/2*3/4)
	if bytes <= r.bytes {
		r.shrink(bytes)
		return nil
	}
	m.mu.Lock()
	m.take(r, -r.bytes)
	r.wanted, r.granted = bytes, make(chan struct{})
	m.waiting = append(m.waiting, r)
	m.grant()
	m.mu.Unlock()

	select {
	case <-r.granted:
		return nil
	default:
	}
	timer := time.NewTimer(maxMemoryWait)
	defer timer.Stop()
	select {
	case <-r.granted:
		return nil
	case <-ctx.Done():
		return r.giveUp(ctx.Err())
	case <-timer.C:
		return r.giveUp(errOverloaded)
	}
}

// giveUp ends the wait of a reservation with the error, unless it was granted meanwhile.
func (r *reservation) giveUp(err error) error {
	m := r.of
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.waiting, r)
	if i < 0 {
		return nil
	}
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.grant()
	return err
}

// shrink gives back the bytes beyond a number.
func (r *reservation) shrink(bytes int64) {
	m := r.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.bytes > bytes {
		m.take(r, bytes-r.bytes)
		m.grant()
	}
}

// release gives all bytes back.
func (r *reservation) release() { r.shrink(0) }

// take adds to the bytes of a reservation. The caller holds the lock, as it does of grant.
func (m *memory) take(r *reservation, bytes int64) {
	r.bytes += bytes
	m.used += bytes
	if m.byOwner[r.owner] += bytes; m.byOwner[r.owner] == 0 {
		delete(m.byOwner, r.owner)
	}
}

// grant serves the requests that wait. An owner's requests do not overtake each other, so that a
// large one gets its turn, too.
func (m *memory) grant() {
	full, owners := false, map[string]bool{}
	m.waiting = slices.DeleteFunc(m.waiting, func(r *reservation) bool {
		switch {
		case full || owners[r.owner]:
			return false
		case m.byOwner[r.owner]+r.wanted > m.total/2:
			owners[r.owner] = true
			return false
		case m.used+r.wanted > m.total:
			full = true
			return false
		}
		m.take(r, r.wanted)
		close(r.granted)
		return true
	})
}

// share makes the reservations of a call, and reserves what its work takes unless that
// depends on a body that is to be read first.
func (c *call) share(rt route) error {
	owner := c.caller.Subject
	if rt.ofOrganization() {
		owner = c.org.String()
	}
	c.received, c.work = &reservation{of: c.api.bodies, owner: owner}, &reservation{of: c.api.work, owner: owner}
	if rt.large() {
		c.least = workPerRecord * c.api.cfg.MaxBody
	}
	if rt.hasBody() {
		return nil
	}
	return c.reserve(c.least)
}

// reserve makes the memory for the work so large, where it is less.
func (c *call) reserve(bytes int64) error {
	if bytes <= c.work.bytes {
		return nil
	}
	if err := c.work.resize(c.r.Context(), bytes); err != nil {
		return err
	}
	c.api.log.Ended(c.r.Context(), noMemory, nil, "webhooks: requests get memory again")
	return nil
}
