//go:build unix

// Command chaos shows that no acknowledged event is lost while hosts die, databases restart and networks fail.
//
//	make chaos                              # all scenarios in their long form, for about 90 minutes
//	make chaos ONLY=postgres_restart SEED=7 # one scenario, with the same faults in the same order
//	make chaos ARGS='-skip=soak -add'       # a part, whose results are added to the report
//	make chaos ARGS=-short                  # the short form of all scenarios
//	make chaos ARGS='-short -guards'        # scenarios on builds that lack a part of the product, which must fail
//
// It runs the sample host's binary in processes of their own, a PostgreSQL of its own behind a proxy that delays
// and cuts, a receiver and publishers that keep ledgers. It prints a line for each scenario, writes the report as
// chaos.md and chaos.json, and exits with 1 if a promise was broken. docs/reliability.md explains the scenarios.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The exit codes, beside 0.
const (
	exitBroken = 1 // a scenario failed
	exitUsage  = 2 // nothing was run
)

// Linux ties the signal that ends a child after its parent to the thread that started it: the main thread stays.
func init() { runtime.LockOSThread() }

func main() { os.Exit(start()) }

// options of a run.
type options struct {
	seed   uint64
	short  bool
	atOnce int
	binary string // of the host; "": it is built
	dir    string // of the reports
	add    bool
}

func start() int {
	var o options
	only := flag.String("only", "", "names of scenarios, by commas; default: all")
	skip := flag.String("skip", "", "names of scenarios that are left out, by commas")
	withGuards := flag.Bool("guards", false, "run scenarios on builds that lack a part of the product, and want them to fail")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of all random decisions; default: a random one")
	flag.BoolVar(&o.short, "short", false, "run the short form, of a few minutes")
	flag.BoolVar(&o.add, "add", false, "add the results to the report that is there, of the same form and commit")
	flag.StringVar(&o.dir, "report", ".", "directory of the reports chaos.md and chaos.json")
	flag.IntVar(&o.atOnce, "at-once", 2, "scenarios at the same time; scenarios that measure the machine run alone")
	flag.StringVar(&o.binary, "host", "", "binary of the sample host; default: it is built from the module")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := choose(*only, *skip)
	if err == nil && o.atOnce < 1 {
		err = errors.New("-at-once: want 1 or more")
	}
	passed := false
	switch {
	case err != nil:
	case *withGuards:
		passed, err = o.runGuards(ctx, chosen)
	default:
		passed, err = o.runAll(ctx, chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return exitUsage
	}
	if !passed {
		return exitBroken
	}
	return 0
}

// choose returns the scenarios with the names of only, or all, without the scenarios with the names of skip.
func choose(only, skip string) (chosen []scenario, err error) {
	wanted, err := named(only)
	if err != nil {
		return nil, err
	}
	left, err := named(skip)
	if err != nil {
		return nil, err
	}
	for _, s := range scenarios {
		if (only == "" || wanted[s.name]) && !left[s.name] {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}

func named(names string) (map[string]bool, error) {
	set := map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no scenario %q", name)
		}
		set[name] = true
	}
	return set, nil
}

// runAll runs scenarios, prints their results, and writes the report.
func (o options) runAll(ctx context.Context, chosen []scenario) (passed bool, err error) {
	r := newReport(ctx, o.form(), part{Seed: o.seed, AtOnce: o.atOnce})
	if o.add {
		if err := r.readFrom(o.dir); err != nil {
			return false, err
		}
	}
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.binary == "" {
		if o.binary, err = (hostBuild{dir: dir, name: "host"}).run(ctx); err != nil {
			return false, err
		}
	}
	fmt.Printf("seed %d, %s form, %d of %d scenarios, about %v, %s\n", o.seed, o.form(), len(chosen), len(scenarios),
		o.estimate(chosen).Round(time.Minute), machine())
	results := make(chan *result)
	go o.runLanes(chosen, results, func(s scenario) *result { return o.run(ctx, s) })
	for got := range results {
		r.add(got)
		fmt.Println(got.line())
		if err := r.write(o.dir); err != nil { // after each one: a long run may be interrupted
			return false, err
		}
	}
	return r.Passed, nil
}

// runLanes runs scenarios and closes results at the end. The scenarios of the lane alone run after all other scenarios.
func (o options) runLanes(chosen []scenario, results chan<- *result, run func(scenario) *result) {
	defer close(results)
	runLane := func(l lane, atOnce int) {
		for _, outcome := range perform(ofLane(chosen, l), atOnce, run) {
			results <- <-outcome
		}
	}
	if o.atOnce == 1 {
		runLane(waits, 1)
		runLane(kills, 1)
	} else {
		var both sync.WaitGroup
		both.Go(func() { runLane(waits, o.atOnce-1) })
		both.Go(func() { runLane(kills, 1) })
		both.Wait()
	}
	runLane(alone, 1)
}

func ofLane(all []scenario, l lane) []scenario {
	return slices.DeleteFunc(slices.Clone(all), func(s scenario) bool { return s.lane != l })
}

// estimate returns the time of a run.
func (o options) estimate(chosen []scenario) time.Duration {
	var takes [alone + 1]time.Duration
	for _, s := range chosen {
		takes[s.lane] += o.size(s).takes
	}
	if o.atOnce == 1 {
		return takes[waits] + takes[kills] + takes[alone]
	}
	return max(takes[waits]/time.Duration(o.atOnce-1), takes[kills]) + takes[alone]
}

func (o options) form() string {
	if o.short {
		return "short"
	}
	return "long"
}

func (o options) size(s scenario) size {
	if o.short {
		return s.short
	}
	return s.long
}

// run runs one scenario, unless the run was interrupted.
func (o options) run(ctx context.Context, s scenario) *result {
	if ctx.Err() == nil {
		if r := try(ctx, s, settings{seed: o.seed, size: o.size(s), binary: o.binary, slack: 1}); ctx.Err() == nil {
			return r
		}
	}
	return &result{Scenario: s.name, LeftOut: "interrupted", Errors: []string{"interrupted"}} // no pass
}
