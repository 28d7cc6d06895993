package bunstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Listen implements store.Notifier.
//
// On PostgreSQL it listens on a channel that is named as the schema, with a
// connection of Options.ListenConn, or one that it takes from the pool and closes in the
// end; then the driver must be pgx, and the pool must have room for more connections
// than that one. It fails if a notification of its own does not arrive, as is the case
// behind a transaction pooler. On SQLite it hears of what this Store did, except what
// was published in a transaction that the caller committed by another handle than
// [Tx]'s.
func (s *Store) Listen(ctx context.Context, wake func()) error { return s.dialect.listen(ctx, wake) }

func (d sqlite) listen(ctx context.Context, wake func()) error {
	defer d.s.wake.add(wake)()
	wake()
	<-ctx.Done()
	return nil
}

func (d postgres) listen(ctx context.Context, wake func()) error {
	s := d.s
	return ended(ctx, s.mapError(ctx, s.onListenConn(ctx, func(conn *pgx.Conn) error {
		return s.listenOn(ctx, conn, wake)
	})))
}

// onListenConn calls f with a connection to listen on, which it closes afterwards.
func (s *Store) onListenConn(ctx context.Context, f func(*pgx.Conn) error) (err error) {
	if s.listen != nil {
		conn, err := s.listen(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		return f(conn)
	}
	if limit := s.db.Stats().MaxOpenConnections; limit == 1 {
		return errors.New("cannot listen: the pool is limited to one connection, and listening takes one for itself")
	}
	conn, err := s.db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.Raw(func(raw any) error {
		if std, ok := raw.(*stdlib.Conn); ok {
			err = f(std.Conn())
		} else {
			err = fmt.Errorf("cannot listen with the driver %T: only with pgx", s.db.Driver())
		}
		return driver.ErrBadConn // closes the connection, which still listens
	})
	return err
}

// ended is the result of listening: none if ctx is done.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func (s *Store) listenOn(ctx context.Context, conn *pgx.Conn, wake func()) error {
	// One query string is one transaction, so even a pooler runs all of it on one server connection.
	channel := pgx.Identifier{s.schema}.Sanitize()
	results, err := conn.PgConn().Exec(ctx, "LISTEN "+channel+"; SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return err
	}
	wake() // for what came while nobody listened
	if err := s.hear(ctx, conn); err != nil {
		if errors.Is(err, errDeaf) {
			unlisten(ctx, conn, channel, string(results[1].Rows[0][0]))
		}
		return err
	}
	// The session is our own. CheckAlone finds it by the name.
	name := Options{Schema: s.schema}.ApplicationName()
	if _, err := conn.Exec(ctx, "SET idle_session_timeout = 0; SET application_name = '"+name+"'"); err != nil {
		return err
	}
	wake() // the notification that was heard may have been that of a publish
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		wake()
	}
}

// hearTime is how long a notification may take to arrive.
const hearTime = 3 * time.Second

var errDeaf = errors.New("cannot listen: a notification of our own did not arrive within " + hearTime.String() +
	", as behind a pooler in transaction mode; give the store an address to listen on that leads to the database itself (ListenAddress)")

// hear sends a notification on another connection, and waits for it, or for another one.
func (s *Store) hear(ctx context.Context, conn *pgx.Conn) error {
	if err := s.notifyNow(); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, hearTime)
	defer cancel()
	_, err := conn.WaitForNotification(wait)
	if err != nil && wait.Err() != nil && ctx.Err() == nil {
		return errDeaf
	}
	return err
}

// unlistenTries is how often unlisten asks a pooler for the server connection that listens.
const unlistenTries = 20

// unlisten takes back a LISTEN that ran on the server connection with the process ID.
// Behind a pooler that connection may serve other clients now, so the attempt is
// retry until the pooler chooses it again.
func unlisten(ctx context.Context, conn *pgx.Conn, channel, pid string) {
	for range unlistenTries {
		results, err := conn.PgConn().Exec(ctx, "UNLISTEN "+channel+"; SELECT pg_backend_pid()").ReadAll()
		if err != nil || string(results[1].Rows[0][0]) == pid {
			return
		}
	}
}
