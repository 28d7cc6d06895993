// Package bunstore keeps webhooks in PostgreSQL or in SQLite, through bun.
//
// A service that has a *bun.DB gives it to [New], and publishes inside its own
// transactions with [Tx] or [PgxTx], so that its rows and its webhooks commit together or
// not at all. A service without one opens a store with bunstore/postgres, which also takes a
// *pgxpool.Pool, or with bunstore/sqlite. Either way [Store.Migrate] makes the tables first.
//
// # The caller's database
//
// The store works on the handle that it is given and leaves it as it is: no hooks, no settings
// of the pool, and no setting of a session after a transaction of the store. Query hooks do not
// see its statements. On PostgreSQL its tables lie in a schema of their own ("webhooks"), on
// SQLite their names have that prefix. Nothing else in the database is touched. This package
// passes its tests on PostgreSQL 15, 16, 17 and 18.
//
// # Days
//
// On PostgreSQL messages and attempts are in partitions, one for each day by the time in their
// ids. [Store.Migrate] and [Store.Maintain] create the partitions of the coming days, and
// [Store.Prune] drops the partitions of old days. It holds an exclusive lock for a few
// milliseconds; if it does not get the lock within 100 ms, the next call tries again. Only the
// owner of the tables may create and drop partitions. Without that right everything works, but
// rows without a partition lie in the default one, and Prune removes messages one by one.
//
// # Two databases
//
// Publish, claim and record are SQL texts with placeholders (see statement.go), over arrays on
// PostgreSQL and over rows of parameters on SQLite. A batch of any size costs the same few
// statements. All other operations use bun's query builder. Where the databases differ, the
// difference is in dialect.go.
package bunstore
