//go:build unix

// Command chaos shows that no acknowledged event is lost while hosts die, databases restart and networks fail.
//
//	make chaos                              # all scenarios in their long form, for hours
//	make chaos ONLY=postgres_restart SEED=7 # one scenario, with the same faults in the same order
//	go run ./chaos -short                   # all scenarios in the form of the Go test
//
// It runs the sample host's binary in processes of their own, a PostgreSQL of its own behind a proxy that delays
// and cuts, a receiver and publishers that keep ledgers. It prints a line for each scenario, writes the report as
// chaos.md and chaos.json, and exits with 1 if a promise was broken. docs/reliability.md explains the scenarios.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// The exit codes, beside 0.
const (
	exitBroken = 1 // a scenario failed
	exitUsage  = 2 // nothing was run
)

// Linux ties the signal that ends a child after its parent to the thread that started it: the main thread stays.
func init() { runtime.LockOSThread() }

func main() { os.Exit(start()) }

func start() int {
	only := flag.String("only", "", "names of scenarios, by commas; default: all")
	seed := flag.Uint64("seed", 0, "seed of all random decisions; default: a random one")
	short := flag.Bool("short", false, "run the short form, as the Go test does")
	dir := flag.String("report", ".", "directory of the reports chaos.md and chaos.json")
	atOnce := flag.Int("at-once", 1, "scenarios that run at the same time; they slow each other down")
	given := flag.String("host", "", "binary of the sample host; default: it is built from the module")
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return exitUsage
	}
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000) + 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := runAll(ctx, chosen, options{*seed, *short, *atOnce, *given})
	if err == nil {
		err = r.write(*dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return exitUsage
	}
	if !r.Passed {
		return exitBroken
	}
	return 0
}

// choose returns the scenarios with the names.
func choose(names string) (chosen []scenario, err error) {
	if names == "" {
		return scenarios, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q", name)
		}
		chosen = append(chosen, scenarios[i])
	}
	return chosen, nil
}

// options of a run.
type options struct {
	seed   uint64
	short  bool
	atOnce int
	binary string // of the host; "": it is built
}

// runAll runs scenarios and prints their results.
func runAll(ctx context.Context, chosen []scenario, o options) (*report, error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.binary == "" {
		build := hostBuild{dir: dir, name: "host"}
		if o.binary, err = build.run(ctx); err != nil {
			return nil, err
		}
	}
	form := "long"
	if o.short {
		form = "short"
	}
	fmt.Printf("seed %d, %s form, %s\n", o.seed, form, machine())
	r := newReport(o.seed, form)
	for _, outcome := range perform(chosen, o.atOnce, func(s scenario) *result { return o.run(ctx, s) }) {
		got := <-outcome
		r.add(got)
		fmt.Println(got.line())
	}
	return r, nil
}

// run runs one scenario, unless the run was interrupted.
func (o options) run(ctx context.Context, s scenario) *result {
	sized := s.long
	if o.short {
		sized = s.short
	}
	if ctx.Err() == nil {
		if r := try(ctx, s, o.seed, sized, o.binary); ctx.Err() == nil {
			return r
		}
	}
	return &result{Scenario: s.name, LeftOut: "interrupted", Errors: []string{"interrupted"}} // no pass
}
