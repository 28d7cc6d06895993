package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/store"
)

// A task is a job in this process. Its lease surely lasts until leasedUntil: that time counts from
// before the claim was sent, by the monotonic reading of the clock, so it needs no agreement with the clock
// of the store.
type task struct {
	store.Job
	leasedUntil time.Time
	dueAt       time.Time // when it was due, by the host's clock
	host        int64     // to which it is leased: see hosts.keeps
	to          *endpoint // when the task came in; nil if the cache did not have it

	laneEpoch, poolEpoch int // of the limiters when a worker took the task
	call                 call
}

// A call is a call of the Sender, for a task.
type call struct {
	at    time.Time // of the attempt, by the host's clock
	began time.Time // the call, with the monotonic reading
	due   time.Time // the Sender must have returned
	span  attemptSpan
	place int // among the flights, from 1; 0 if it is not there
}

// An ending is how an attempt ended.
type ending struct {
	kind endingKind
	took time.Duration // of the POST; 0 if it is unsent
}

// A refusal is a task that goes back to the store for some time.
type refusal struct {
	*task
	awayFor time.Duration
	held    bool // Release may end the time
}

// A result is the end of a task: a deferral, or else an outcome.
type result struct {
	*task
	outcome  store.Outcome
	deferral *store.Deferral
	heldAt   time.Time   // when an open circuit held the attempt of the deferral; else zero
	seen     observation // zero if nothing was sent
	gone     bool        // the receiver answered 410
	failure  string      // class of a failed attempt, see failureClass
}
