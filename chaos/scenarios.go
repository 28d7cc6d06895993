//go:build unix

package main

import "time"

// scenarios lists all scenarios in the order of a run. Where the names of other queue benchmarks fit, they are used.
var scenarios = []scenario{
	{
		name: "crash_recovery", about: "One of three hosts is killed (kill -9) at a point of a delivery; the other two take its attempts over.",
		lane:  kills,
		short: size{faults: 1, rate: 150, during: 6 * time.Second, takes: 30 * time.Second},
		long:  size{faults: 15, rate: 300, during: 8 * time.Second, takes: 4 * time.Minute},
		run:   crashRecovery,
	},
	{
		name: "repeated_kills", about: "Random hosts out of three are killed (kill -9) and started again under load.",
		lane:  kills,
		short: size{faults: 5, rate: 150, takes: 40 * time.Second},
		long:  size{faults: 300, rate: 150, takes: 9 * time.Minute},
		run:   repeatedKills,
	},
	{
		name: "crash_without_lock", about: "Hosts that cannot keep a session, as behind a transaction pooler, are killed (kill -9) under load.",
		lane:  kills,
		short: size{faults: 1, rate: 150, takes: 40 * time.Second},
		long:  size{faults: 5, rate: 200, takes: 3 * time.Minute},
		run:   crashWithoutLock,
	},
	{
		name: "pause", about: "A host is stopped (SIGSTOP) past its leases, another one finishes, and the first goes on (SIGCONT).",
		short: size{faults: 1, takes: time.Minute}, long: size{faults: 3, takes: 3 * time.Minute},
		run: pause,
	},
	{
		name:  "slow_receiver",
		about: "Endpoints answer after 29 s while all hosts lose their connections, and after 20 s while hosts are also stopped for 8 s.",
		short: size{faults: 1, rate: 6, takes: 70 * time.Second}, long: size{faults: 5, rate: 30, takes: 5 * time.Minute},
		run: slowReceiver,
	},
	{
		name: "graceful_restart", about: "Hosts end by SIGTERM under load while one receiver hangs; then a second SIGTERM ends a host at once.",
		lane:  kills,
		short: size{faults: 2, rate: 150, takes: 40 * time.Second},
		long:  size{faults: 100, rate: 150, takes: 8 * time.Minute},
		run:   gracefulRestart,
	},
	{
		name: "postgres_restart", about: "PostgreSQL ends in the immediate mode, as in a crash, and starts again, under load.",
		lane:  kills,
		short: size{faults: 2, rate: 150, takes: 60 * time.Second},
		long:  size{faults: 20, rate: 300, takes: 4 * time.Minute},
		run:   postgresRestart,
	},
	{
		name: "pg_backend_kill", about: "All connections to PostgreSQL are terminated every 2 s under load.",
		lane:  kills,
		short: size{faults: 3, rate: 150, takes: time.Minute},
		long:  size{faults: 60, rate: 300, takes: 4 * time.Minute},
		run:   backendKill,
	},
	{
		name: "read_only", about: "The database refuses writes for a while under load.",
		short: size{rate: 60, during: 6 * time.Second, takes: 20 * time.Second},
		long:  size{rate: 300, during: 30 * time.Second, takes: time.Minute},
		run:   readOnly,
	},
	{
		name: "connections_exhausted", about: "Another program takes all connections that PostgreSQL allows, for a while under load.",
		short: size{rate: 60, during: 6 * time.Second, takes: 30 * time.Second},
		long:  size{rate: 300, during: 30 * time.Second, takes: 90 * time.Second},
		run:   connectionsExhausted,
	},
	{
		name: "deadlocks", about: "Every tenth statement on the queue and the idempotency keys fails as a deadlock or a serialization error.",
		short: size{faults: 50, rate: 100, during: 8 * time.Second, takes: 30 * time.Second},
		long:  size{faults: 300, rate: 300, during: 2 * time.Minute, takes: 3 * time.Minute},
		run:   deadlocks,
	},
	{
		name: "commit_cut", about: "The connection is cut around the COMMIT of a publish; publishers repeat under the same key.",
		short: size{faults: 20, rate: 100, takes: time.Minute},
		long:  size{faults: 500, rate: 200, takes: 4 * time.Minute},
		run:   commitCut,
	},
	{
		name: "sustained_high_load", about: "Events as quickly as three hosts take them, without a fault: 300,000 deliveries in the long form.",
		lane:  alone,
		short: size{rate: 3_000, takes: 30 * time.Second}, long: size{rate: 150_000, takes: 4 * time.Minute},
		run: sustainedHighLoad,
	},
	{
		name: "black_hole", about: "The way to the database becomes 500 ms slower, and then swallows everything.",
		short: size{rate: 30, during: 8 * time.Second, takes: time.Minute},
		long:  size{rate: 100, during: time.Minute, takes: 3 * time.Minute},
		run:   blackHole,
	},
	{
		name: "pool_exhaustion", about: "500 publishers share a host with 5 connections.",
		lane:  alone,
		short: size{rate: 2_000, takes: 15 * time.Second}, long: size{rate: 50_000, takes: 2 * time.Minute},
		run: poolExhaustion,
	},
	{
		name: "sqlite_kill", about: "A host on SQLite with 50 writers is killed (kill -9) and started again.",
		lane:  kills,
		short: size{faults: 5, takes: 20 * time.Second}, long: size{faults: 200, takes: 7 * time.Minute},
		run: sqliteKill,
	},
	{
		name: "sqlite_shared", about: "A second host joins on one SQLite file under load, and is killed (kill -9) later.",
		short: size{rate: 100, during: 4 * time.Second, takes: 75 * time.Second},
		long:  size{rate: 150, during: 30 * time.Second, takes: 2 * time.Minute},
		run:   sqliteShared,
	},
	{
		name: "disk_full", about: "The disk below SQLite is full for a while (a small tmpfs; needs root on Linux).",
		short: size{rate: 100, takes: 10 * time.Second}, long: size{rate: 300, takes: 30 * time.Second},
		run: diskFull,
	},
	{
		name: "migrate_race", about: "Three hosts start on an empty database together; hosts are killed in the middle of a migration.",
		short: size{faults: 1, takes: 20 * time.Second}, long: size{faults: 50, takes: 6 * time.Minute},
		run: migrateRace,
	},
	{
		name:  "rolling_upgrade",
		about: "Hosts of the previous schema's program go on while a host of this one migrates, and are replaced one by one.",
		short: size{rate: 100, during: 5 * time.Second, takes: 90 * time.Second},
		long:  size{rate: 150, during: time.Minute, takes: 4 * time.Minute},
		run:   rollingUpgrade,
	},
	{
		name: "poison", about: "Rows of the database are damaged: secrets, headers, deadlines and bodies; and a message is missing.",
		short: size{rate: 100, takes: 45 * time.Second}, long: size{rate: 300, takes: time.Minute},
		run: poison,
	},
	{
		name: "clock", about: "The clocks of two of three hosts are 10 minutes early and late, and one of them jumps to the right time and back.",
		short: size{rate: 60, during: 8 * time.Second, takes: 2 * time.Minute},
		long:  size{rate: 200, during: 3 * time.Minute, takes: 4 * time.Minute},
		run:   clock,
	},
	{
		name: "idle_in_tx_saturation", about: "A transaction stays open while one host publishes events and another one claims them.",
		lane:  alone,
		short: size{rate: 100, during: 6 * time.Second, takes: 30 * time.Second},
		long:  size{rate: 1_000, during: 10 * time.Minute, takes: 12 * time.Minute},
		run:   idleInTx,
	},
	{
		name: "active_readers", about: "Long reports and pg_dump read the tables while one host publishes events and another one claims them.",
		lane:  alone,
		short: size{rate: 100, during: 6 * time.Second, takes: 30 * time.Second},
		long:  size{rate: 500, during: 3 * time.Minute, takes: 4 * time.Minute},
		run:   activeReaders,
	},
	{
		name: "retry_storm", about: "All endpoints fail for a while, and then work again.",
		short: size{rate: 60, during: 4 * time.Second, takes: 30 * time.Second},
		long:  size{rate: 300, during: time.Minute, takes: 2 * time.Minute},
		run:   retryStorm,
	},
	{
		name:  "soak",
		about: "60 % of the measured load with 5 % bad endpoints and short retention; hosts and tables do not grow.",
		lane:  alone,
		short: size{rate: 300, during: 40 * time.Second, takes: 2 * time.Minute},
		long:  size{rate: 3_000, during: 30 * time.Minute, takes: 36 * time.Minute},
		run:   soak,
	},
}
