package delivery

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Reserve begins a reservation, under which attempts can be handed over without a
// claim. End it with [Reservation.HandOver].
func (e *Engine) Reserve() *Reservation {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.run
	if r == nil || r.claiming.Err() != nil {
		return &Reservation{}
	}
	r.intake.Add(1)
	now := e.cfg.Clock.Now()
	return &Reservation{run: r, call: r.leases.begin(), Lease: e.cfg.Lease, Host: r.hosts.leaseAs(now), until: now.Add(e.cfg.Lease)}
}

// Reservation is room for attempts. HandOver must be called once on each.
type Reservation struct {
	Lease time.Duration // how long the attempts must be leased
	Host  int64         // the host to which they must be leased: see store.Hosts

	run   *run
	call  *sync.WaitGroup // see leases.begin
	until time.Time
	taken int
}

// maxHandOff bounds how many attempts are handed over under one reservation.
const maxHandOff = 1000

// Take reports whether there is room for an attempt, and reserves it. There is none for a
// subscription or organization that has used up its share, and for an endpoint whose circuit is open.
func (v *Reservation) Take(organization, subscription uuid.UUID) bool {
	if v.run == nil || v.taken == maxHandOff || v.run.endpoints.circuitOpen(subscription) ||
		!v.run.backlog.reserveOne(organization, subscription) {
		return false
	}
	v.taken++
	return true
}

// HandOver delivers the jobs that were leased under the reservation, at most as many as were taken. If there are none
// although room was taken, they may be leased nevertheless: the reply of the store may be lost.
func (v *Reservation) HandOver(jobs []store.Job) {
	if v.run == nil {
		return
	}
	v.run.backlog.unreserve(v.taken - len(jobs))
	if v.taken > 0 && len(jobs) == 0 {
		v.run.leases.unsure(v.run.cfg.Clock.Now())
	}
	v.run.put(jobs, v.Host, v.until, 0)
	v.call.Done()
	v.run.intake.Done()
}

// put moves jobs into the backlog, and gives back the attempts for which their lane has no room. Ahead is how far the host's
// clock is ahead of the store's.
func (r *run) put(jobs []store.Job, host int64, until time.Time, ahead time.Duration) {
	if len(jobs) == 0 {
		return
	}
	r.leases.add(jobs)
	tasks := make([]*task, len(jobs))
	for i := range jobs {
		tasks[i] = &task{Job: jobs[i], host: host, leasedUntil: until, to: r.endpoints.known(&jobs[i]), dueAt: jobs[i].DueAt.Add(ahead)}
		if jobs[i].DueAt.IsZero() { // handed off: due since its publication, by the host's clock
			tasks[i].dueAt = jobs[i].CreatedAt
		}
	}
	r.refuse(r.backlog.put(tasks, r.cfg.Clock.Now()))
}
