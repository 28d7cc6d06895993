//go:build unix

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver of the scenarios' own statements
)

// onSQLite starts a host on a database file in a directory, and a receiver with two subscriptions.
func (t *trial) onSQLite(ctx context.Context, dir string) (err error) {
	path := filepath.Join(dir, "webhooks.db")
	t.store = &url.URL{Scheme: "sqlite", Opaque: path}
	if err := t.hosts(ctx, 1); err != nil {
		return err
	}
	if t.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"); err != nil {
		return err
	}
	t.onEnd(func() { _ = t.db.Close() })
	t.publisher.batch = sqliteWriters
	return t.receive(ctx, slow(answerTime), "/a", "/b")
}

// intact asserts that SQLite finds no fault in its file.
func (t *trial) intact(ctx context.Context) error {
	var verdict string
	if err := t.db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("integrity_check: %s", verdict)
	}
	return nil
}

// sqliteWriters is the number of events that are published at the same time before each kill, and settledKills the number of
// kills after which the queue is emptied: a host that lives for half a second delivers less than is published.
const (
	sqliteWriters = 50
	settledKills  = 5
)

func sqliteKill(ctx context.Context, t *trial) error {
	if err := t.onSQLite(ctx, t.dir); err != nil {
		return err
	}
	for i := range t.faults {
		if err := t.killWriting(ctx); err != nil {
			return err
		}
		if (i+1)%settledKills == 0 {
			t.settle(ctx, maxLease+serverPatience)
		}
	}
	v := t.conclude(ctx)
	t.result.note("integrity_check was ok after each of %d kills", t.faults)
	t.within("longest take-over", v.takeOver, repeatedTakeOvers*maxTakeOver)
	t.noteWaits(v)
	return nil
}

// killWriting kills the host soon after several writers began to publish, and starts it again. They go on then.
func (t *trial) killWriting(ctx context.Context) error {
	acknowledged := make(chan struct{})
	go func() {
		defer close(acknowledged)
		t.publisher.count(ctx, sqliteWriters)
	}()
	defer func() { <-acknowledged }()
	if err := wait(ctx, t.between(20*time.Millisecond, 500*time.Millisecond)); err != nil {
		return err
	}
	h := t.fleet.hosts[0]
	killed := time.Now()
	h.kill()
	if err := t.intact(ctx); err != nil {
		return err
	}
	if err := h.start(ctx); err != nil {
		return err
	}
	t.fault(killed, time.Now()) // nothing can be sent before
	return nil
}

// sqliteShared lets a second host join on the file while the first one sends, and kills it later. Its attempts wait
// for the end of their leases: the first host cannot tell that it died.
func sqliteShared(ctx context.Context, t *trial) error {
	if err := t.onSQLite(ctx, t.dir); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := t.busy(ctx); err != nil {
		return err
	}
	if err := t.hosts(ctx, 1); err != nil {
		return err
	}
	if err := wait(ctx, t.during); err != nil {
		return err
	}
	before := t.receiver.judge(t.paths, t.publisher.acknowledged(), nil)
	t.result.check("duplicated while both hosts ran", float64(before.duplicated), atMost(0))
	if err := t.busy(ctx); err != nil {
		return err
	}
	second := t.fleet.hosts[1]
	t.killNow(second)
	if err := second.start(ctx); err != nil {
		return err
	}
	if err := wait(ctx, t.during); err != nil {
		return err
	}
	stop()
	v := t.conclude(ctx)
	t.within("longest take-over", v.takeOver, maxLease)
	return t.intact(ctx)
}

// The size of the disk that fills up, and the publishes that it must refuse before there is room again.
const (
	diskSize     = "24m"
	leastRefused = 50
)

func diskFull(ctx context.Context, t *trial) error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.result.LeftOut = "a tmpfs of a certain size needs root on Linux"
		return nil
	}
	disk := filepath.Join(t.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return err
	}
	mount := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size="+diskSize, "chaos", disk)
	if out, err := mount.CombinedOutput(); err != nil {
		t.result.LeftOut = fmt.Sprintf("mount does not work here: %s", out)
		return nil
	}
	t.onEnd(func() { t.result.fail(exec.CommandContext(context.WithoutCancel(ctx), "umount", "-l", disk).Run()) })
	if err := t.onSQLite(ctx, disk); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	slowest := time.Duration(0)
	err := t.outage(ctx, &slowest, func() error {
		filler := filepath.Join(disk, "filler")
		if err := fill(filler); err != nil {
			return err
		}
		err := poll(ctx, time.Minute, func() (bool, error) { return t.publisher.refusals() >= leastRefused, nil })
		return errors.Join(err, os.Remove(filler))
	})
	if err != nil {
		return err
	}
	stop()
	t.conclude(ctx)
	t.resumed(slowest)
	t.result.check("publishes refused while the disk was full", float64(t.publisher.refusals()), atLeast(leastRefused))
	return t.intact(ctx)
}

// fill writes a file until the disk is full.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, endless{})
	if err == nil {
		err = errors.New("the disk did not fill up")
	} else {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// endless is a reader of zeros without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
