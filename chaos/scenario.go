//go:build unix

package main

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// size says how large a run of a scenario is. A scenario ignores the fields that its description does not name.
type size struct {
	faults int           // kills, restarts, cut connections
	rate   int           // published events a second
	during time.Duration // of the load, or of one outage
}

// scenario is a series of faults under load, with assertions.
type scenario struct {
	name  string
	about string // one sentence of the report
	short size   // of the Go test and of -short
	long  size
	slow  bool // too slow, or not yet sure to pass, for the Go test
	run   func(ctx context.Context, t *trial) error
}

// perform runs scenarios, at most atOnce at the same time and in their order, and returns a channel for each result.
func perform(chosen []scenario, atOnce int, run func(scenario) *result) (outcomes []chan *result) {
	for range chosen {
		outcomes = append(outcomes, make(chan *result, 1))
	}
	var next atomic.Int64
	for range atOnce {
		go func() {
			for i := next.Add(1) - 1; i < int64(len(chosen)); i = next.Add(1) - 1 {
				outcomes[i] <- run(chosen[i])
			}
		}()
	}
	return outcomes
}

// random returns the source of all random decisions of a scenario: the same seed gives the same faults in
// the same order.
func (s scenario) random(seed uint64) *rand.Rand {
	name := fnv.New64a()
	_, _ = name.Write([]byte(s.name)) // never fails
	return rand.New(rand.NewPCG(seed, name.Sum64()))
}

// scenarios lists all scenarios in the order of a run. Where the names of other queue benchmarks fit, they are used.
var scenarios = []scenario{
	{
		name: "crash_recovery", about: "One of three hosts is killed (kill -9) under load; the other two take its attempts over.",
		short: size{faults: 1, rate: 150, during: 6 * time.Second}, long: size{faults: 10, rate: 500, during: 20 * time.Second},
		run: crashRecovery,
	},
	{
		name: "repeated_kills", about: "Random hosts out of three are killed (kill -9) and started again under load.",
		short: size{faults: 5, rate: 150}, long: size{faults: 300, rate: 500},
		run: repeatedKills, slow: true,
	},
	{
		name: "postgres_restart", about: "PostgreSQL ends in the immediate mode, as in a crash, and starts again, under load.",
		short: size{faults: 2, rate: 150}, long: size{faults: 20, rate: 500},
		run: postgresRestart,
	},
	{
		name: "pg_backend_kill", about: "All connections to PostgreSQL are terminated every 2 s under load.",
		short: size{faults: 3, rate: 150}, long: size{faults: 60, rate: 500},
		run: backendKill,
	},
	{
		name: "commit_cut", about: "The connection is cut around the COMMIT of a publish; publishers repeat under the same key.",
		short: size{faults: 20, rate: 100}, long: size{faults: 500, rate: 200},
		run: commitCut,
	},
	{
		name: "graceful_restart", about: "Hosts end by SIGTERM under load while one receiver hangs; then a second SIGTERM ends a host at once.",
		short: size{faults: 2, rate: 150}, long: size{faults: 100, rate: 500},
		run: gracefulRestart,
	},
	{
		name: "sqlite_kill", about: "A host on SQLite with 50 writers is killed (kill -9) and started again.",
		short: size{faults: 2, rate: 150}, long: size{faults: 200, rate: 300},
		run: sqliteKill,
	},
	{
		name: "disk_full", about: "The disk below SQLite is full for a while (a small tmpfs; needs root on Linux).",
		short: size{rate: 100}, long: size{rate: 300},
		run: diskFull,
	},
	{
		name: "black_hole", about: "The way to the database becomes 500 ms slower, and then swallows everything.",
		short: size{rate: 30, during: 8 * time.Second}, long: size{rate: 100, during: time.Minute},
		run: blackHole,
	},
	{
		name: "pool_exhaustion", about: "500 publishers share a host with 5 connections.",
		short: size{rate: 2_000}, long: size{rate: 50_000},
		run: poolExhaustion,
	},
	{
		name: "pause", about: "A host is stopped (SIGSTOP) past its leases, another one finishes, and the first goes on (SIGCONT).",
		short: size{faults: 1}, long: size{faults: 5},
		run: pause,
	},
	{
		name: "migrate_race", about: "Three hosts start on an empty database together; hosts are killed in the middle of a migration.",
		short: size{faults: 1}, long: size{faults: 50},
		run: migrateRace,
	},
	{
		name: "idle_in_tx_saturation", about: "A transaction stays open while one host publishes events and another one claims them.",
		short: size{rate: 100, during: 6 * time.Second}, long: size{rate: 1_000, during: 10 * time.Minute},
		run: idleInTx,
	},
	{
		name: "read_only", about: "The database refuses writes for a while under load.",
		short: size{rate: 60, during: 6 * time.Second}, long: size{rate: 300, during: 30 * time.Second},
		run: readOnly,
	},
	{
		name: "poison", about: "Rows of the database are damaged: the ciphertext of a secret, and a message that is missing.",
		short: size{rate: 100}, long: size{rate: 300},
		run: poison,
	},
	{
		name: "clock", about: "The clocks of two of three hosts are 10 minutes early and late, and one jumps back.",
		short: size{rate: 60, during: 8 * time.Second}, long: size{rate: 300, during: 2 * time.Minute},
		run: clock, slow: true,
	},
	{
		name: "retry_storm", about: "All endpoints fail for a while, and then work again.",
		short: size{rate: 60, during: 4 * time.Second}, long: size{rate: 300, during: time.Minute},
		run: retryStorm, slow: true,
	},
	{
		name: "soak", about: "Steady load with 5 % bad endpoints; memory, goroutines, descriptors and table sizes stay flat.",
		short: size{rate: 100, during: 12 * time.Second}, long: size{rate: 600, during: 30 * time.Minute},
		run: soak, slow: true,
	},
}
