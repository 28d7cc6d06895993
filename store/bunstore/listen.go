package bunstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Listen implements store.Notifier.
//
// On PostgreSQL it listens on a channel with the name of the schema. The connection comes from
// Options.ListenConn, or from the pool; then the driver must be pgx, the pool must have room
// for a second connection, and Listen closes the connection at the end. Listen fails if a
// notification of its own does not arrive, as is the case behind a transaction pooler.
//
// On SQLite it is woken by this Store alone, and not by a publish in a transaction that the
// caller committed without the handle of [Tx].
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
		return d.listenOn(ctx, conn, wake)
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
		return discard(raw) // it still listens
	})
	return err
}

// ended is the error of listening, nil after the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func (d postgres) listenOn(ctx context.Context, conn *pgx.Conn, wake func()) error {
	s := d.s
	// One query string is one transaction, so even a pooler runs all of it on one server connection.
	channel := pgx.Identifier{s.schema}.Sanitize()
	results, err := conn.PgConn().Exec(ctx, "LISTEN "+channel+"; SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return err
	}
	wake() // for attempts that became due before
	if err := s.hear(ctx, conn); err != nil {
		if errors.Is(err, errDeaf) {
			unlisten(ctx, conn, channel, string(results[1].Rows[0][0]))
		}
		return err
	}
	// The session is our own. CheckAlone finds it by the name.
	name := Options{Schema: s.schema, Role: s.role}.ApplicationName()
	if _, err := conn.Exec(ctx, ownSession+"SET application_name = '"+name+"'"); err != nil {
		return err
	}
	wake() // hear may have received the notification of a publish
	return d.serve(ctx, conn, wake)
}

// ownSession lets a session wait for ever, and the server close it, which ends its locks, 3 s after
// its client's machine has gone.
const ownSession = `SET idle_session_timeout = 0; SET tcp_user_timeout = 3000;
SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2; `

// serve waits for notifications on the session, and holds the locks of the hosts.
func (d postgres) serve(ctx context.Context, conn *pgx.Conn, wake func()) error {
	l := newListener()
	if err := d.lockHosts(ctx, l, conn); err != nil {
		return err
	}
	d.s.listener.Store(l)
	defer close(l.ended)
	defer d.s.listener.CompareAndSwap(l, nil)
	for {
		notified, err := l.wait(ctx, conn)
		if err != nil {
			return err
		}
		if notified {
			wake()
		}
	}
}

// hearTime is the longest time that a notification may take.
const hearTime = 3 * time.Second

var errDeaf = errors.New("cannot listen: a notification of our own did not arrive within " + hearTime.String() +
	", as behind a pooler in transaction mode; give the store an address to listen on that leads to the database itself (ListenAddress)")

// hear sends a notification on another connection, and waits until it arrives. A pooler may pass on
// notifications of other processes that arrived together with the answer to LISTEN.
func (s *Store) hear(ctx context.Context, conn *pgx.Conn) error {
	own := rand.Text()
	if err := s.notifyNow(own); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, hearTime)
	defer cancel()
	for {
		heard, err := conn.WaitForNotification(wait)
		switch {
		case err != nil && wait.Err() != nil && ctx.Err() == nil:
			return errDeaf
		case err != nil || heard.Payload == own:
			return err
		}
	}
}

// unlistenTries bounds the tries of unlisten to get the listening server connection from a pooler.
const unlistenTries = 20

// unlisten takes back a LISTEN that ran on the server connection with the process ID.
// Behind a pooler that connection may serve other clients now, so the attempt is
// repeated until the pooler chooses it again.
func unlisten(ctx context.Context, conn *pgx.Conn, channel, pid string) {
	for range unlistenTries {
		results, err := conn.PgConn().Exec(ctx, "UNLISTEN "+channel+"; SELECT pg_backend_pid()").ReadAll()
		if err != nil || string(results[1].Rows[0][0]) == pid {
			return
		}
	}
}
