package webhooks

import (
	"context"
)

// Dispatcher publishes events and delivers them. Publishing needs no Start: a
// process that only publishes leaves delivery to the started dispatchers of other
// processes on the same store.
//
// Methods take the organization's id before the subscription's, and that before the id of
// an attempt or a recovery.
type Dispatcher struct{ *core }

// Start checks that the store answers, and that Config.SecretKeys has every key in use
// ([ErrMissingKey]). Then it begins to deliver and returns. When ctx is cancelled, the
// dispatcher drains as [Dispatcher.Stop] does, within Config.DrainTimeout. Start does nothing
// if the dispatcher runs. A stopped dispatcher can be started again; Start waits for the
// end of its drain. While another process holds the lock of an SQLite file, Start waits, for 40 s at
// most. If ctx ends, or Stop is called, before Start returns, Start starts nothing and returns an error.
func (d *Dispatcher) Start(ctx context.Context) error { return d.engine.Start(ctx) }

// Stop drains the dispatcher: it begins no attempt, finishes and records the attempts in flight,
// and gives the attempts that wait in memory back to the store. If ctx ends before the drain
// does, Stop cancels the attempts in flight, gives them back too, and returns the error of ctx
// within 1.5 s, even if the store, the Sender or the Observer does not return. Stop does nothing
// if the dispatcher does not run. A Start that has not returned yet starts nothing.
func (d *Dispatcher) Stop(ctx context.Context) error { return d.engine.Stop(ctx) }

// Stuck returns the number of abandoned calls of Config.Sender that have not returned yet, and
// the largest number that is abandoned. A call that has not returned 2 s after its deadline is
// abandoned: its attempt fails, and its worker is free for another attempt. At the largest
// number, further calls hold their workers, [Webhooks.Health] reports that the dispatcher does
// not dispatch, and the process should be restarted.
func (d *Dispatcher) Stuck() (calls, most int) { return d.engine.Stuck() }

// Inspect shows the inside of the dispatcher at this moment: the backlog in memory by
// organization and subscription, limits, attempts under way, organizations with a large backlog.
// Call it every few seconds at most.
func (d *Dispatcher) Inspect() Inspection { return d.engine.Inspect() }

// Wake makes the dispatcher look for due attempts now, for a host that learns of new attempts in a way
// of its own. It looks at all attempts, or at the attempts that became due in the last 5 s where a look at
// all of them takes more than 25 ms.
func (d *Dispatcher) Wake() { d.engine.Rescan() }
