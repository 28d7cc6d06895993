//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// migrationFiles are the migrations whose newest one is not known to the previous program.
const migrationFiles = "store/bunstore/migrations/postgres"

// buildPrevious builds the host of the last commit that has fewer migrations and builds.
func buildPrevious(ctx context.Context, dir string) (binary, commit string, err error) {
	root, err := output(ctx, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", "", err
	}
	git := func(arguments ...string) (string, error) {
		return output(ctx, "git", append([]string{"-C", root}, arguments...)...)
	}
	added, err := git("log", "--format=%H", "--diff-filter=A", "--", migrationFiles)
	if err != nil {
		return "", "", err
	}
	present, err := git("ls-tree", "--name-only", "HEAD", migrationFiles+"/")
	if err != nil {
		return "", "", err
	}
	for i, addition := range strings.Fields(added) {
		if commit, err = git("rev-parse", "--verify", addition+"^"); err != nil {
			break
		}
		known, listed := git("ls-tree", "--name-only", commit, migrationFiles+"/")
		if err = listed; err != nil {
			break
		}
		if len(strings.Fields(known)) >= len(strings.Fields(present)) {
			continue
		}
		source, archive := filepath.Join(dir, fmt.Sprintf("previous-%d", i)), filepath.Join(dir, "previous.tar")
		_, packed := git("archive", "--output="+archive, commit)
		if err = errors.Join(packed, os.Mkdir(source, 0o700)); err != nil {
			break
		}
		if _, err = output(ctx, "tar", "-x", "-f", archive, "-C", source); err != nil {
			break
		}
		if binary, err = (hostBuild{dir: dir, name: "host-previous", module: source}).run(ctx); err == nil {
			return binary, commit, nil
		}
	}
	return "", "", errors.Join(errors.New("no commit before the newest migration builds"), err)
}

// rollingUpgrade starts hosts of the previous schema's program, then a host of this program, which migrates, and
// replaces the former hosts one by one.
func rollingUpgrade(ctx context.Context, t *trial) error {
	present := t.binary
	previous, commit, err := buildPrevious(ctx, t.dir)
	if err != nil {
		t.result.LeftOut = fmt.Sprintf("the previous program: %v", err)
		return nil
	}
	t.result.note("the previous program is of commit %.12s", commit)
	t.binary = previous
	if err := t.setUp(ctx, 2, slow(answerTime)); err != nil {
		return err
	}
	former := t.fleet.hosts
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := t.busy(ctx); err != nil {
		return err
	}
	t.binary = present
	if err := t.hosts(ctx, 1); err != nil {
		return err
	}
	if err := wait(ctx, t.during); err != nil {
		return err
	}
	t.result.check("requests refused while both versions ran", float64(t.publisher.refusals()), atMost(0))
	t.result.check("hosts that ended", float64(len(t.fleet.hosts)-len(t.fleet.running())), atMost(0))
	for _, h := range former {
		h.signal(syscall.SIGTERM)
		if _, err := h.await(time.Minute); err != nil {
			return err
		}
		h.binary = present
		if err := h.start(ctx); err != nil {
			return err
		}
	}
	if err := wait(ctx, t.during); err != nil {
		return err
	}
	stop()
	v := t.conclude(ctx)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.within("longest time from acknowledgement to delivery", v.slowest, maxResume)
	return nil
}
