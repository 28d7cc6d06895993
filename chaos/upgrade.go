//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// migrationFiles are the migrations whose newest one is not known to the previous program.
const migrationFiles = "store/bunstore/migrations/postgres"

// buildPrevious builds the host of the commit before the newest migration.
func buildPrevious(ctx context.Context, dir string) (binary, commit string, err error) {
	root, err := output(ctx, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", "", err
	}
	newest, err := output(ctx, "git", "-C", root, "log", "-1", "--format=%H", "--diff-filter=A", "--", migrationFiles)
	if err != nil {
		return "", "", err
	}
	commit, err = output(ctx, "git", "-C", root, "rev-parse", "--verify", newest+"^")
	if err != nil {
		return "", "", err
	}
	source, archive := filepath.Join(dir, "previous"), filepath.Join(dir, "previous.tar")
	_, packed := output(ctx, "git", "-C", root, "archive", "--output="+archive, commit)
	if err := errors.Join(packed, os.Mkdir(source, 0o700)); err != nil {
		return "", "", err
	}
	if _, err := output(ctx, "tar", "-x", "-f", archive, "-C", source); err != nil {
		return "", "", err
	}
	binary, err = hostBuild{dir: dir, name: "host-previous", module: source}.run(ctx)
	return binary, commit, err
}

// rollingUpgrade starts hosts of the previous schema's program, then a host of this program, which migrates, and
// replaces the former hosts one by one.
func rollingUpgrade(ctx context.Context, t *trial) error {
	present := t.binary
	previous, commit, err := buildPrevious(ctx, t.dir)
	if err != nil {
		t.result.LeftOut = fmt.Sprintf("git does not have the program before the newest migration: %v", err)
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
