package bunstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// hostFile is the lock by which processes with hosts on one SQLite database find each other. It is
// an SQLite database beside it, without tables: each process reads it in a transaction that does not
// end, and a process that can lock it exclusively is the only one.
type hostFile struct {
	mu   sync.Mutex
	conn driver.Conn // with the open transaction; nil without hosts
}

// hostFileSuffix follows the name of the database.
const hostFileSuffix = "-host"

// beat finds hosts dead only at its first call: a process that starts alone follows processes that
// died. After that a host has nothing to say.
func (d sqlite) beat(ctx context.Context, host int64, lease time.Duration) (b store.Beat, err error) {
	if _, known := d.s.hosts.Load(host); known {
		return store.Beat{Host: host}, nil
	}
	b.Host = 1 + rand.Int64N(1<<31-1) //nolint:gosec // a number that former processes did not have, no secret
	err = d.join(ctx, func() (err error) {
		b.Dead, err = d.s.on(d.s.db.DB).numbers(ctx, `SELECT DISTINCT token >> 32 FROM {}queue WHERE due_at > {now} AND sending`)
		return err
	})
	if err == nil {
		d.s.hosts.Store(b.Host, lease)
	}
	return b, err
}

// join locks the host file, unless this store has done so. It calls alone while no other process can join, if
// no other process has.
func (d sqlite) join(ctx context.Context, alone func() error) error {
	f := &d.s.hostFile
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn != nil {
		return nil
	}
	var path string
	if err := d.s.db.NewRaw(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(ctx, &path); err != nil {
		return err
	}
	if path == "" { // a database in memory is this process's
		return alone()
	}
	conn, err := openHostFile(d.s.db.Driver(), path+hostFileSuffix)
	if err != nil {
		return err
	}
	if err := lockHostFile(ctx, conn.(driver.ExecerContext), alone); err != nil { //nolint:forcetypeassert // every driver of SQLite
		return errors.Join(err, conn.Close())
	}
	f.conn = conn
	return nil
}

// openHostFile opens the host file, which it creates for its owner alone.
func openHostFile(d driver.Driver, path string) (driver.Conn, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the file of hosts: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return d.Open((&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String())
}

func lockHostFile(ctx context.Context, conn driver.ExecerContext, alone func() error) error {
	exec := func(text string) error {
		_, err := conn.ExecContext(ctx, text, nil)
		return err
	}
	switch err := exec(`BEGIN EXCLUSIVE`); {
	case err == nil:
		if err := errors.Join(alone(), exec(`COMMIT`)); err != nil {
			return err
		}
	case !isLocked(err):
		return err
	}
	// Another process may be alone for a moment now.
	if err := exec(`BEGIN`); err != nil {
		return err
	}
	return untilUnlocked(ctx, time.Now().Add(lockWait), func() error { return exec(`SELECT count(*) FROM sqlite_master`) })
}

// forgetHost unlocks the host file after the last host of this store.
func (d sqlite) forgetHost(context.Context, int64) error {
	f := &d.s.hostFile
	f.mu.Lock()
	defer f.mu.Unlock()
	left := false
	d.s.hosts.Range(func(any, any) bool { left = true; return false })
	if left || f.conn == nil {
		return nil
	}
	conn := f.conn
	f.conn = nil
	return conn.Close()
}
