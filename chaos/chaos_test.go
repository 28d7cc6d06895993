//go:build unix

package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/ecg-api/webhooks/internal/pgserver"
)

// defaultSeed is the seed of the test; CHAOS_SEED sets another.
const defaultSeed = 1

var built struct {
	sync.Once
	path string
	err  error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "chaos-test-")
	if err != nil {
		panic(err)
	}
	built.path = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// hostBinary builds the host, once.
func hostBinary(t *testing.T) string {
	t.Helper()
	built.Do(func() { built.path, built.err = hostBuild{dir: built.path, name: "host"}.run(context.Background()) })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// atOnce is the number of scenarios that run at the same time. Most of them wait for leases most of the time.
const atOnce = 6

// The short form of the scenarios that have one. Each starts a PostgreSQL of its own, to end and restart it.
func TestShortForm(t *testing.T) { //nolint:paralleltest // its bounds in seconds want the machine for themselves
	if os.Getenv("WEBHOOKS_TEST_CHAOS") == "" {
		t.Skip("left out: it needs the machine for itself; set WEBHOOKS_TEST_CHAOS=1")
	}
	if pgserver.Installed() == "" {
		t.Skip("left out: the programs of a PostgreSQL server are not installed here")
	}
	seed := uint64(defaultSeed)
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	binary := hostBinary(t)
	quick := slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return s.slow }) // make chaos runs all
	outcomes := perform(quick, atOnce, func(s scenario) *result { return try(t.Context(), s, seed, s.short, binary) })
	for i, s := range quick { //nolint:paralleltest // the scenarios run at the same time already
		t.Run(s.name, func(t *testing.T) {
			r := <-outcomes[i]
			t.Log(r.line())
			switch {
			case r.LeftOut != "":
				t.Skip(r.LeftOut)
			case !r.passed():
				t.Errorf("seed %d, notes: %q", seed, r.Notes)
			}
		})
	}
}
