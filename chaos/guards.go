//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
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

// runGuards runs the scenarios on builds that lack a part of the product. It passes if all of them fail as they should,
// and writes the table guards.md.
func (o options) runGuards(ctx context.Context, chosen []scenario) (passed bool, err error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var table bytes.Buffer
	fmt.Fprint(&table, "| scenario | the build lacks | the scenario said |\n| --- | --- | --- |\n")
	passed = true
	for i, g := range guards {
		at := slices.IndexFunc(chosen, func(s scenario) bool { return s.name == g.scenario })
		if at < 0 {
			continue
		}
		began := time.Now()
		said, noticed := o.runGuard(ctx, g, chosen[at], dir, fmt.Sprintf("host-%d", i))
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		word := "noticed"
		if !noticed {
			word, passed = "MISSED", false
		}
		fmt.Printf("%-8s %-22s without %s, in %.0f s: %s\n", word, g.scenario, g.lacks, time.Since(began).Seconds(), said)
		g.markdown(&table, said, noticed)
		if err := os.WriteFile(filepath.Join(o.dir, "guards.md"), table.Bytes(), 0o600); err != nil {
			return false, err
		}
	}
	return passed, nil
}

// runGuard runs a scenario on a build that lacks a part. It returns the first failure that was expected.
func (o options) runGuard(ctx context.Context, g guard, s scenario, dir, name string) (said string, noticed bool) {
	binary, err := hostBuild{dir: dir, name: name, changes: g.changes}.run(ctx)
	if err != nil {
		return err.Error(), false
	}
	defer func() { err = errors.Join(err, os.Remove(binary)) }()
	r := try(ctx, s, settings{seed: o.seed, size: o.size(s), binary: binary, changes: g.changes, slack: 1})
	failures := r.failures()
	if r.LeftOut != "" {
		return "left out: " + r.LeftOut, false
	}
	for _, failure := range failures {
		if strings.Contains(failure, g.fails) {
			return failure, true
		}
	}
	return "other failures: " + strings.Join(failures, "; "), false
}

func (g guard) markdown(w io.Writer, said string, noticed bool) {
	said, _, _ = strings.Cut(said, "\n")
	if !noticed {
		said = "**missed**: " + said
	}
	fmt.Fprintf(w, "| %s | %s | %s |\n", g.scenario, g.lacks, said)
}
