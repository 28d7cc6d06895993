package bunstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// ApplicationName is the application_name of the sessions that bunstore/postgres opens for
// the schema, and of the one that listens: "ecg-webhooks/webhooks", and with a Role
// "ecg-webhooks/webhooks api". [Store.CheckAlone] finds other processes by the part before the role.
func (o Options) ApplicationName() string {
	name := "ecg-webhooks/" + cmp.Or(o.Schema, DefaultSchema)
	if o.Role != "" {
		name += " " + o.Role
	}
	return name
}

// ErrInUse is the error of [Store.CheckAlone] if another process is connected.
var ErrInUse = errors.New("another process is connected to the database")

// CheckAlone fails with [ErrInUse] while another connection uses the tables, so that they
// are not changed under a running process. Limit the store's own pool to one connection.
//
// On SQLite it finds every process that has the file open. On PostgreSQL it finds the sessions
// with the application_name of [Options.ApplicationName]: the sessions of bunstore/postgres, and
// the session on which a dispatcher listens. It does not find a process that only publishes over
// a pool of its own, and no process that connects later.
func (s *Store) CheckAlone(ctx context.Context) error { return s.dialect.checkAlone(ctx) }

func (d postgres) checkAlone(ctx context.Context) error {
	s := d.s
	var sessions int
	err := s.db.NewRaw(`SELECT count(*) FROM pg_catalog.pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
		AND split_part(application_name, ' ', 1) = ?`, Options{Schema: s.schema}.ApplicationName()).Scan(ctx, &sessions)
	if err != nil {
		return s.mapError(ctx, err)
	}
	if sessions > 0 {
		return fmt.Errorf("bunstore: %w: %d sessions use the schema %q", ErrInUse, sessions, s.schema)
	}
	return nil
}

// checkAlone leaves the WAL mode, which SQLite allows to the only connection alone
// (https://www.sqlite.org/wal.html, section 3.3), and returns to it.
func (d sqlite) checkAlone(ctx context.Context) error {
	var mode string
	err := d.s.db.NewRaw(`PRAGMA journal_mode = DELETE`).Scan(ctx, &mode)
	if isLocked(err) || err == nil && mode != "delete" {
		return fmt.Errorf("bunstore: %w", ErrInUse)
	}
	if err == nil {
		err = d.s.db.NewRaw(`PRAGMA journal_mode = WAL`).Scan(ctx, &mode)
	}
	return d.s.mapError(ctx, err)
}
