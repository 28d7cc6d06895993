package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxMemoryWait bounds how long a request waits for memory; then it gets a 503.
const maxMemoryWait = 5 * time.Second

// The memory that a request takes at most, in multiples of the bytes that it handles.
const (
	workPerBody   = 32 // a JSON array of short items, decoded
	workPerRecord = 4  // a record that is read, shown and encoded
	workPerPage   = 3  // records that are encoded one by one
)

// memory is a quota of bytes that requests share, first come, first served. An owner has at most
// half of the bytes, so that an organization leaves the other half to its neighbours: a request that
// waits for its owner's half does not delay the requests of other owners.
type memory struct {
	mu      sync.Mutex
	total   int64
	used    int64
	byOwner map[string]int64
	waiting []*reservation
}

// reservation is the part of a memory that a request holds.
type reservation struct {
	memory    *memory
	owner     string
	bytes     int64
	requested int64         // while it waits
	granted   chan struct{} // closed when it has the bytes
}

func newMemory(total int64) *memory { return &memory{total: total, byOwner: map[string]int64{}} }

// resize changes the size of the reservation, to at most three quarters of the bytes that an owner
// can have: so a large request can begin while clients read answers slowly. A reservation that grows
// gives its bytes back first, because requests that keep bytes while they wait could wait for each
// other. After maxMemoryWait it returns errOverloaded, and the reservation is empty.
func (r *reservation) resize(ctx context.Context, bytes int64) error {
	m := r.memory
	bytes = min(bytes, m.total/2*3/4)
	if bytes <= r.bytes {
		r.shrink(bytes)
		return nil
	}
	m.mu.Lock()
	m.add(r, -r.bytes)
	r.requested, r.granted = bytes, make(chan struct{})
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
	m := r.memory
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
	m := r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.bytes > bytes {
		m.add(r, bytes-r.bytes)
		m.grant()
	}
}

// release gives all bytes back.
func (r *reservation) release() { r.shrink(0) }

// add adds to the bytes of a reservation. The caller holds the lock, as it does for grant.
func (m *memory) add(r *reservation, bytes int64) {
	r.bytes += bytes
	m.used += bytes
	if m.byOwner[r.owner] += bytes; m.byOwner[r.owner] == 0 {
		delete(m.byOwner, r.owner)
	}
}

// grant serves the requests that wait. Requests of one owner do not overtake each other, so that a
// large request is served too.
func (m *memory) grant() {
	full, owners := false, map[string]bool{}
	m.waiting = slices.DeleteFunc(m.waiting, func(r *reservation) bool {
		switch {
		case full || owners[r.owner]:
			return false
		case m.byOwner[r.owner]+r.requested > m.total/2:
			owners[r.owner] = true
			return false
		case m.used+r.requested > m.total:
			full = true
			return false
		}
		m.add(r, r.requested)
		close(r.granted)
		return true
	})
}

// openReservations makes the reservations of a call. It reserves the memory for the work, unless that
// depends on the length of the body.
func (c *call) openReservations(rt route) error {
	owner := c.caller.Subject
	if rt.ofOrganization() {
		owner = c.org.String()
	}
	c.bodyMemory, c.workMemory = &reservation{memory: c.api.bodies, owner: owner}, &reservation{memory: c.api.work, owner: owner}
	if rt.large() {
		c.minWork = workPerRecord * c.api.cfg.MaxBody
	}
	if rt.hasBody() {
		return nil
	}
	return c.reserve(c.minWork)
}

// reserve makes the reservation for the work at least so large.
func (c *call) reserve(bytes int64) error {
	if bytes <= c.workMemory.bytes {
		return nil
	}
	if err := c.workMemory.resize(c.r.Context(), bytes); err != nil {
		return err
	}
	c.api.log.Ended(c.r.Context(), noMemory, nil, "webhooks: requests get memory again")
	return nil
}
