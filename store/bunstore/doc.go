// Package bunstore keeps webhooks in PostgreSQL or in SQLite, through bun.
//
// A service that has a *bun.DB gives it to [New], and publishes inside its own
// transactions with [Tx], so that its rows and its webhooks commit together or
// not at all. One that has none opens a store with bunstore/postgres or
// bunstore/sqlite. Either way [Store.Migrate] makes the tables first.
//
// # The caller's database
//
// The store works on the handle that it is given and leaves it as it is: no
// hooks, no settings of the pool, and no setting of a session that outlives a transaction
// of the store's. Query hooks do not see its statements. On PostgreSQL its tables lie in a schema of
// their own ("webhooks"), on SQLite their names have that prefix. Nothing else
// in the database is touched. This package passes its tests on PostgreSQL 15, 16, 17
// and 18.
//
// # Days
//
// On PostgreSQL messages and attempts are in partitions, one for each day by the
// time in their ids. [Store.Migrate] and [Store.Maintain] make those of the coming
// days, and [Store.Prune] drops those that are over, in a few milliseconds for which
// everybody waits, or not at all if it would have to wait for somebody else for more
// than 100 ms: then the next call tries again. Who makes and drops them must own the
// tables. Where the store's user does not, everything works, but what has no partition
// lies in the default one, and Prune removes messages one by one.
//
// # Two databases, one text
//
// What is done for each event (publish, claim, record) is written once, as SQL
// over arrays on PostgreSQL and over rows of parameters on SQLite, see rows; a
// batch costs the same few statements however large it is. Everything else goes
// through bun's query builder.
package bunstore
