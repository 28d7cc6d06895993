package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/store"
)

// task is a job in this process, with the moment until which its lease surely
// lasts. That is measured from before the claim was asked for, by the local
// monotonic clock, so that it needs no agreement with the store's.
type task struct {
	store.Job
	leasedUntil time.Time
	to          *target // the subscription when the task came in; nil if it was not at hand

	epoch, poolEpoch int // of the limiters when the task was taken
	call             call
}

// A call is a call of the Sender, for a task.
type call struct {
	at    time.Time // of the attempt, by the host's clock
	began time.Time // the call, by the host's clock
	start time.Time // of the call, by the monotonic clock
	due   time.Time // the Sender must have returned
	place int       // among the flights, from 1; 0 if it is not there
}

// ending is how an attempt ended.
type ending struct {
	kind endingKind
	took time.Duration // of the POST; 0 if it is unsent
}

// refusal is a task that is to be given back, for some time.
type refusal struct {
	*task
	away time.Duration
	held bool // Release may end it
}
