// Command mutate checks that the tests notice faults. It copies the module into a temporary
// folder, makes one change at a time there, and runs the tests that must fail because of it.
//
//	make mutate              # every change, about half an hour
//	make mutate ONLY=jwt     # changes with a file or a text that matches a regular expression
//
// It prints the changes that no test noticed, and exits with 1 if there are any. It exits with
// 2 where it cannot tell: the tests fail without a change, a text to be changed is no longer
// there, or the changed code does not compile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	exitSurvivors = 1
	exitUnknown   = 2
)

func main() { os.Exit(start()) }

func start() int {
	only := flag.String("only", "", "regular expression; leaves out the changes whose file and text it does not match")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch survivors, err := run(ctx, *only); {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		return exitUnknown
	case survivors > 0:
		return exitSurvivors
	}
	return 0
}

// run returns the number of mutants that no test noticed.
func run(ctx context.Context, only string) (survivors int, err error) {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := copyModule(ctx, dir); err != nil {
		return 0, err
	}
	mutants, err := all(dir)
	if err != nil {
		return 0, err
	}
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !chosen.MatchString(m.String()) })
	return tryAll(ctx, dir, mutants)
}

// tryAll prints the verdict about each mutant. The error joins the mutants about which there is none.
func tryAll(ctx context.Context, dir string, mutants []mutant) (survivors int, err error) {
	passing := map[tests]bool{} // without a change
	var unknown []error
	for _, m := range mutants {
		if !passing[m.tests] {
			if err := m.tests.mustPass(ctx, dir); err != nil {
				return 0, err
			}
			passing[m.tests] = true
		}
		begun := time.Now()
		noticed, err := m.try(ctx, dir)
		verdict := "noticed "
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case err != nil:
			verdict = "UNKNOWN "
			unknown = append(unknown, fmt.Errorf("%s: %w", m, err))
		case !noticed:
			verdict = "SURVIVED"
			survivors++
		}
		fmt.Printf("%s %4.0fs  %s\n", verdict, time.Since(begun).Seconds(), m)
	}
	fmt.Printf("%d of %d changes were noticed\n", len(mutants)-survivors-len(unknown), len(mutants))
	return survivors, errors.Join(unknown...)
}

// copyModule copies the files that git knows or would take, as they are in the working folder. Tests
// read source files too, so an overlay of the compiler is not enough.
func copyModule(ctx context.Context, dir string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o600); err != nil { //nolint:gosec // git names no file outside the module
			return err
		}
	}
	return nil
}

// tests are the tests that must fail: a package, and an expression for go test -run.
type tests struct{ pkg, run string }

func (t tests) pass(ctx context.Context, dir string) (passed bool, output string, err error) {
	args := []string{"test", "-vet=off", "-failfast", "-count=1", "-timeout=5m", "-ldflags=-s -w", "-run=" + t.run, t.pkg}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // tests of this list
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	output = string(text)
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || ctx.Err() != nil {
		return err == nil, output, errors.Join(err, ctx.Err())
	}
	if strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]") {
		return false, output, fmt.Errorf("the code does not compile:\n%s", output)
	}
	return false, output, nil
}

// mustPass returns an error if the tests fail, or are none, without a change.
func (t tests) mustPass(ctx context.Context, dir string) error {
	passed, output, err := t.pass(ctx, dir)
	if err == nil && (!passed || strings.Contains(output, "no tests to run")) {
		err = fmt.Errorf("%v do not pass without a change:\n%s", t, output)
	}
	return err
}

// mutant is a change in one place.
type mutant struct {
	change
	path           string // of the file, in the module
	line           int
	before, behind string // text of the file on both sides of the change
}

// String shows the line, before and after the change.
func (m mutant) String() string {
	begin := m.before[strings.LastIndexByte(m.before, '\n')+1:]
	end, _, _ := strings.Cut(m.behind, "\n")
	return fmt.Sprintf("%s:%d: %s => %s", m.path, m.line, strings.TrimSpace(begin+m.old+end), strings.TrimSpace(begin+m.new+end))
}

// try reports whether the tests notice the mutant.
func (m mutant) try(ctx context.Context, dir string) (noticed bool, err error) {
	path := filepath.Join(dir, m.path)
	if err := os.WriteFile(path, []byte(m.before+m.new+m.behind), 0o600); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, []byte(m.before+m.old+m.behind), 0o600)) }()
	passed, _, err := m.tests.pass(ctx, dir)
	return !passed, err
}

// all returns a mutant for each place of each change.
func all(dir string) ([]mutant, error) {
	var mutants []mutant
	for _, c := range changes {
		paths, err := fileNames(dir, c.files)
		if err != nil {
			return nil, err
		}
		found := len(mutants)
		for _, path := range paths {
			text, err := os.ReadFile(filepath.Join(dir, path))
			if err != nil {
				return nil, err
			}
			before, rest := "", string(text)
			for {
				head, behind, ok := strings.Cut(rest, c.old)
				if !ok {
					break
				}
				before += head
				mutants = append(mutants, mutant{c, path, 1 + strings.Count(before, "\n"), before, behind})
				before, rest = before+c.old, behind
			}
		}
		if len(mutants) == found {
			return nil, fmt.Errorf("%s: %q is not there any more; the list of changes is out of date", c.files, c.old)
		}
	}
	return mutants, nil
}

// fileNames returns the files that a pattern means, without tests.
func fileNames(dir, pattern string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, err
	}
	for i := range paths {
		if paths[i], err = filepath.Rel(dir, paths[i]); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(paths, func(p string) bool { return strings.HasSuffix(p, "_test.go") }), nil
}
