package webhooks

import (
	"context"
)

// Dispatcher publishes events and delivers them. Publishing needs no Start: a
// process that only publishes leaves the delivery to those that dispatch on the
// same store.
type Dispatcher struct{ *core }

// Start checks that the store answers, and that no key is missing to what it holds
// ([ErrMissingKey]), begins to deliver and returns. When ctx is cancelled, the
// dispatcher drains as [Dispatcher.Stop] does, within Config.DrainTimeout. To start
// one that runs does nothing; one that was stopped can be started again, and Start
// waits while it still drains. If ctx ends before Start has, its error is returned,
// and if Stop is called, an error that says so; nothing is started then.
func (d *Dispatcher) Start(ctx context.Context) error { return d.engine.Start(ctx) }

// Stop drains: nothing more is begun, attempts under way are finished and recorded,
// and attempts that wait in memory are given back. If ctx ends before, attempts under
// way are cut off and given back too, and its error is returned, within 1.5 s, also when
// the store, the Sender or the Observer does not return. To stop one that does not run does
// nothing. A Start that has not ended yet starts nothing any more.
func (d *Dispatcher) Stop(ctx context.Context) error { return d.engine.Stop(ctx) }

// Stuck returns how many calls of Config.Sender were given up and have not returned yet,
// and the most that are given up. A call that has not returned 2 s after its deadline is
// given up: its attempt has failed, and its worker is free. When the most are, further calls
// hold their workers, [Webhooks.Health] says that nothing is dispatched, and the process
// should be restarted.
func (d *Dispatcher) Stuck() (calls, most int) { return d.engine.Stuck() }

// Inspect shows the inside of the dispatcher at this moment: the backlog in memory by
// organization and subscription, limits, attempts under way, organizations with a large backlog.
// Call it every few seconds at most.
func (d *Dispatcher) Inspect() Inspection { return d.engine.Inspect() }

// Wake makes the dispatcher look for due work now, for a host that learned
// otherwise that there is some.
func (d *Dispatcher) Wake() { d.engine.Wake() }
