//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// guard is a part of the product, and the scenario that fails on a build without it.
type guard struct {
	scenario string
	lacks    string // what the build lacks, for the report
	fails    string // a part of the failure
	changes  []change
}

// guardRun is the outcome of a scenario on a build that lacks a part.
type guardRun struct {
	guard
	said    string // the failure
	noticed bool   // it is the expected one
	took    time.Duration
}

// runGuards runs the scenarios on builds that lack a part of the product. It passes if all of them fail as they should,
// and writes the table guards.md.
func (o options) runGuards(ctx context.Context, chosen []scenario) (passed bool, err error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	wanted := slices.DeleteFunc(slices.Clone(guards), func(g guard) bool { return g.of(chosen) < 0 })
	table := bytes.NewBufferString("| scenario | the build lacks | the scenario said |\n| --- | --- | --- |\n")
	passed = true
	outcomes := perform(wanted, o.atOnce, func(g guard) guardRun { return o.runGuard(ctx, g, chosen[g.of(chosen)], dir) })
	for _, outcome := range outcomes {
		r := <-outcome
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		passed = passed && r.noticed
		fmt.Println(r.line())
		r.markdown(table)
		if err := os.WriteFile(filepath.Join(o.dir, "guards.md"), table.Bytes(), 0o600); err != nil {
			return false, err
		}
	}
	return passed, nil
}

// of returns the index of the guard's scenario; -1 if it is not chosen.
func (g guard) of(chosen []scenario) int {
	return slices.IndexFunc(chosen, func(s scenario) bool { return s.name == g.scenario })
}

// runGuard runs a scenario on a build that lacks a part.
func (o options) runGuard(ctx context.Context, g guard, s scenario, dir string) (r guardRun) {
	r.guard = g
	if ctx.Err() != nil {
		return r
	}
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	dir, err := os.MkdirTemp(dir, "host-")
	if err != nil {
		r.said = err.Error()
		return r
	}
	binary, err := hostBuild{dir: dir, name: "host", changes: g.changes}.run(ctx)
	if err != nil {
		r.said = err.Error()
		return r
	}
	result := try(ctx, s, settings{seed: o.seed, size: cmp.Or(guardSizes[s.name], o.size(s)), binary: binary, changes: g.changes, slack: 1})
	if err := os.RemoveAll(dir); err != nil {
		result.note("%v", err)
	}
	failures := result.failures()
	if i := slices.IndexFunc(failures, func(text string) bool { return strings.Contains(text, g.fails) }); i >= 0 {
		r.said, r.noticed = failures[i], true
		return r
	}
	r.said = strings.Join(append(failures, result.LeftOut), "; ")
	return r
}

func (r guardRun) line() string {
	word := "noticed"
	if !r.noticed {
		word = "MISSED"
	}
	return fmt.Sprintf("%-8s %-22s without %s, in %.0f s: %s", word, r.scenario, r.lacks, r.took.Seconds(), r.said)
}

// maxSaid bounds the text of a failure in the table: the end of a host has the log of the host.
const maxSaid = 100

func (r guardRun) markdown(w io.Writer) {
	said, _, _ := strings.Cut(r.said, "\n")
	if len(said) > maxSaid {
		said = strings.ToValidUTF8(said[:maxSaid], "") + "…"
	}
	if !r.noticed {
		said = "**missed** " + said
	}
	fmt.Fprintf(w, "| %s | %s | %s |\n", r.scenario, r.lacks, said)
}
