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
	rate   int           // published events a second, or a number of events
	during time.Duration // of the load, or of one outage
	takes  time.Duration // estimate of the whole run on two processors
}

// lane says which scenarios run at the same time: a scenario of the lane waits beside a scenario of the lane kills.
type lane int

const (
	waits lane = iota // its scenarios take a small part of the processors
	kills             // its scenarios take a large part of the processors, and have bounds of a few seconds
	alone             // its scenarios measure the speed of the machine
)

// scenario is a series of faults under load, with assertions.
type scenario struct {
	name  string
	about string // one sentence of the report
	lane  lane
	short size
	long  size
	run   func(ctx context.Context, t *trial) error
}

// perform calls run for each item, at most atOnce at the same time and in their order, and returns a channel for each result.
func perform[Item, Result any](items []Item, atOnce int, run func(Item) Result) (outcomes []chan Result) {
	for range items {
		outcomes = append(outcomes, make(chan Result, 1))
	}
	var next atomic.Int64
	for range atOnce {
		go func() {
			for i := next.Add(1) - 1; i < int64(len(items)); i = next.Add(1) - 1 {
				outcomes[i] <- run(items[i])
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
