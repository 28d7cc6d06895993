package bunstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// Listen implements store.Notifier.
//
// On PostgreSQL it listens on a channel that is named as the schema, with a
// connection that it takes from the pool and closes in the end; the driver must
// be pgx, and the pool must have room for more connections than that one. On
// SQLite it hears of what this Store did, except what was published in a
// transaction that the caller committed by another handle than [Tx]'s.
func (s *Store) Listen(ctx context.Context, wake func()) error {
	if !s.pg {
		defer s.wake.add(wake)()
		wake()
		<-ctx.Done()
		return nil
	}
	if limit := s.db.Stats().MaxOpenConnections; limit == 1 {
		return errors.New("bunstore: cannot listen: the pool is limited to one connection, and listening takes one for itself")
	}
	conn, err := s.db.DB.Conn(ctx)
	if err != nil {
		return ended(ctx, s.failed(ctx, err))
	}
	defer func() { _ = conn.Close() }()
	var failure error
	_ = conn.Raw(func(raw any) error {
		failure = s.listen(ctx, raw, wake)
		return driver.ErrBadConn // closes the connection, which still listens
	})
	return ended(ctx, s.failed(ctx, failure))
}

// ended is the result of listening: none if ctx is done.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func (s *Store) listen(ctx context.Context, raw any, wake func()) error {
	std, ok := raw.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("cannot listen with the driver %T: only with pgx", s.db.Driver())
	}
	conn := std.Conn()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{s.schema}.Sanitize()); err != nil {
		return err
	}
	wake() // for what came while nobody listened
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		wake()
	}
}

// notify says, once the transaction commits, that attempts may be due.
func (s *Store) notify(ctx context.Context, tx bun.Tx) error {
	if !s.pg {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_notify(?, '')", s.schema)
	return err
}

// broadcast tells those in this process who listen.
type broadcast struct {
	mu    sync.Mutex
	next  int
	wakes map[int]func()
}

func (b *broadcast) add(wake func()) (remove func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wakes == nil {
		b.wakes = map[int]func(){}
	}
	n := b.next
	b.next++
	b.wakes[n] = wake
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.wakes, n)
	}
}

func (b *broadcast) all() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wake := range b.wakes {
		wake()
	}
}
