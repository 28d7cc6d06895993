package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/store"
	"github.com/google/uuid"
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
	return &Reservation{run: r, Lease: e.cfg.Lease, until: time.Now().Add(e.cfg.Lease)}
}

// Reservation is room for attempts. HandOver must be called once on each.
type Reservation struct {
	Lease time.Duration // how long the attempts must be leased

	run   *run
	until time.Time
	taken int
}

// maxHandOff bounds how many attempts are handed over under one reservation.
const maxHandOff = 1000

// Take reports whether there is room for an attempt, and keeps it. There is none
// for who has taken up more than a fair share of it, and for endpoints that fail.
func (v *Reservation) Take(organization, subscription uuid.UUID) bool {
	if v.run == nil || v.taken == maxHandOff || v.run.endpoints.circuitOpen(subscription) || !v.run.backlog.reserveOne(organization, subscription) {
		return false
	}
	v.taken++
	return true
}

// HandOver passes on what was leased under the reservation: no more than was taken.
func (v *Reservation) HandOver(jobs []store.Job) {
	if v.run == nil {
		return
	}
	v.run.backlog.unreserve(v.taken - len(jobs))
	v.run.put(jobs, v.until)
	v.run.intake.Done()
}
