//go:build unix

package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/internal/pgserver"
)

// testSeed is the seed of the test. make chaos takes others.
const testSeed = 1

// testSlack is the factor of the bounds of time: other tests take processors. Six take-overs are shorter than a lease.
const testSlack = 6

// inTest are the scenarios of the test, at their smallest. make chaos runs all scenarios, and larger ones.
var inTest = map[string]size{
	"crash_recovery":   {faults: 3, rate: 100, during: 2 * time.Second},
	"postgres_restart": {faults: 2, rate: 100},
	"commit_cut":       {faults: 20, rate: 100},
	"graceful_restart": {faults: 5, rate: 60},
}

// The real host keeps its promises while hosts die and end, PostgreSQL restarts and connections are cut. Each
// scenario starts a PostgreSQL of its own, to end and restart it.
func TestPromises(t *testing.T) { //nolint:paralleltest // the scenarios run one after the other: their bounds of time want the processors
	if testing.Short() {
		t.Skip("left out: -short")
	}
	if pgserver.Installed() == "" {
		t.Skip("left out: the programs of a PostgreSQL server are not installed here")
	}
	binary, err := hostBuild{dir: t.TempDir(), name: "host"}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var chosen []scenario
	for _, s := range scenarios {
		if inTest[s.name] != (size{}) {
			chosen = append(chosen, s)
		}
	}
	outcomes := perform(chosen, 1, func(s scenario) *result {
		return try(t.Context(), s, settings{seed: testSeed, size: inTest[s.name], binary: binary, slack: testSlack})
	})
	for i, s := range chosen { //nolint:paralleltest // the outcomes are those of the scenarios above
		t.Run(s.name, func(t *testing.T) {
			r := <-outcomes[i]
			t.Log(r.line())
			if !r.passed() {
				t.Errorf("notes: %q", r.Notes)
			}
		})
	}
}

func TestAScenarioThatHangsFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, _ *trial) error { <-ctx.Done(); return nil }
		r := try(t.Context(), scenario{name: "hangs", run: hangs}, settings{})
		wantText(t, strings.Join(r.failures(), "\n"), "did not end within 5m0s")
	})
}

func TestChoice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule, only, skip string
		first            string
		n                int
		wrong            bool
	}{
		{rule: "IsAllByDefault", first: "crash_recovery", n: len(scenarios)},
		{rule: "HoldsTheNames", only: "soak,pause", first: "pause", n: 2},
		{rule: "LeavesOut", skip: "crash_recovery", first: "repeated_kills", n: len(scenarios) - 1},
		{rule: "RefusesUnknownNames", skip: "soaking", wrong: true},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			chosen, err := choose(test.only, test.skip)
			if (err != nil) != test.wrong || len(chosen) != test.n || test.n > 0 && chosen[0].name != test.first {
				t.Errorf("got %d scenarios, %v", len(chosen), err)
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(t *testing.T, form string, seed uint64, results ...*result) (*report, error) {
		t.Helper()
		r := newReport(context.Background(), form, part{Seed: seed})
		if err := r.readFrom(dir); err != nil {
			return nil, err
		}
		for _, one := range results {
			r.add(one)
		}
		return r, r.write(dir)
	}
	ended := func(name string, lost float64) *result {
		r := &result{Scenario: name}
		r.check("lost", lost, atMost(0))
		return r
	}
	first, err := run(t, "long", 1, ended("soak", 0), ended("pause", 1))
	if err != nil || first.Passed {
		t.Fatalf("a lost event passed, or %v", err)
	}
	whole, err := run(t, "long", 2, ended("pause", 0))
	if err != nil {
		t.Fatal(err)
	}
	if !whole.Passed || len(whole.Results) != 2 || whole.Results[0].Scenario != "pause" || len(whole.Parts) != 2 {
		t.Errorf("the added part gave %+v", whole)
	}
	text, err := os.ReadFile(dir + "/chaos.md")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(text), "Made in 2 parts: seed 1", "2 of ", "not run: crash_recovery, ")
	if _, err := run(t, "short", 3); err == nil {
		t.Error("a short form was added to the report of the long form")
	}
}
