package store

import (
	"context"
	"time"
)

// Measurer is the optional ability of a store to measure itself, for metrics.
type Measurer interface {
	// Measure counts records by the store's clock. The dispatcher of every process calls it every 10 s at most. It changes
	// nothing, and its work is bounded by most: a count that reaches most means "most or more". Scheduled, Held and Sending are
	// counted among the attempts that are due next, as many as most.
	Measure(ctx context.Context, most int) (Measures, error)

	// Pool returns the present state of the pool of connections, without a call of the database. Zero: there is no pool.
	Pool() Pool
}

// Measures are counts of a store's records.
type Measures struct {
	Due       int           // attempts that can be claimed now; held attempts whose time has come and ended leases are among them
	Scheduled int           // attempts that are due later, and are neither held nor leased
	Held      int           // attempts that were given back as Held, see Deferral, and are due later
	Sending   int           // attempts under a lease
	OldestDue time.Duration // how long the attempt that became due first has been due; 0 if none is due

	OpenCircuits      int // subscriptions whose circuit is open
	RunningRecoveries int // recoveries that are neither done nor stopped
	DaysAhead         int // days after the present one, in UTC, that have partitions; -1 for a store without partitions
}

// Pool is the state of a pool of connections.
type Pool struct {
	InUse, Idle int           // connections
	Limit       int           // connections at most; 0 for any number
	Waits       int64         // waits for a connection, since the start
	Waited      time.Duration // the time of these waits, together
}
