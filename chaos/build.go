//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// change replaces a text, which is in a source file once.
type change struct {
	file     string // its path in the module, or an absolute path; a pattern names the last file that it matches
	old, new string // without an old text the new one is appended
}

// hostBuild builds the sample host into a directory.
type hostBuild struct {
	dir, name string
	module    string   // the directory of the source; "": the module of the working directory
	changes   []change // of the source
	root      string   // of the Go installation; "": the usual one
}

func (b hostBuild) run(ctx context.Context, arguments ...string) (path string, err error) {
	path = filepath.Join(b.dir, b.name)
	if len(b.changes) > 0 {
		list, err := b.overlay(ctx)
		if err != nil {
			return "", err
		}
		arguments = append(arguments, "-overlay="+list)
	}
	arguments = append(append([]string{"build", "-buildvcs=false", "-o", path}, arguments...), "github.com/ecg-api/webhooks/hostexample")
	program := "go"
	if b.root != "" {
		program = filepath.Join(b.root, "bin", "go")
	}
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Dir = b.module
	if b.root != "" {
		cmd.Env = append(os.Environ(), "GOROOT="+b.root, "GOTOOLCHAIN=local")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the host: %w\n%s", err, out)
	}
	return path, nil
}

// overlay writes the changed files into the directory, and a list of them for the compiler. The source stays as it is.
func (b hostBuild) overlay(ctx context.Context) (list string, err error) {
	module := b.module
	if module == "" {
		if module, err = output(ctx, "go", "list", "-m", "-f", "{{.Dir}}"); err != nil {
			return "", err
		}
	}
	changed, err := apply(module, b.changes)
	if err != nil {
		return "", err
	}
	replacements := map[string]string{}
	for path, text := range changed {
		to := filepath.Join(b.dir, fmt.Sprintf("%s-%d.txt", b.name, len(replacements)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replacements[path] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replacements})
	list = filepath.Join(b.dir, b.name+"-overlay.json")
	return list, errors.Join(err, os.WriteFile(list, text, 0o600))
}

// apply returns the texts of the changed files by their paths.
func apply(module string, changes []change) (changed map[string]string, err error) {
	changed = map[string]string{}
	for _, c := range changes {
		path := c.file
		if !filepath.IsAbs(path) {
			path = filepath.Join(module, path)
		}
		found, err := filepath.Glob(path)
		if err != nil || len(found) == 0 {
			return nil, errors.Join(fmt.Errorf("no file is %s", path), err)
		}
		path = slices.Max(found)
		text, read := changed[path]
		if !read {
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			text = string(source)
		}
		if n := strings.Count(text, c.old); c.old != "" && n != 1 {
			return nil, fmt.Errorf("%s has the text %q %d times, want once", path, c.old, n)
		}
		if c.old == "" {
			changed[path] = text + c.new
		} else {
			changed[path] = strings.Replace(text, c.old, c.new, 1)
		}
	}
	return changed, nil
}

// output runs a command and returns its output without the space around it.
func output(ctx context.Context, program string, arguments ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, arguments...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w: %s", program, err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// sourceCommit returns the commit of the source, and whether files differ from it; "" without git.
func sourceCommit(ctx context.Context) string {
	commit, err := output(ctx, "git", "rev-parse", "--short", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := output(ctx, "git", "status", "--porcelain"); err != nil || changed != "" {
		commit += " with changes"
	}
	return commit
}
