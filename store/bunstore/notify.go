package bunstore

import (
	"context"
	"sync"
	"time"

	"github.com/uptrace/bun"
)

// change runs f in a transaction of its own, and maps the error. f may be called several
// times. If f reports that attempts are due, change wakes the listeners, with the commit on
// PostgreSQL and after it on SQLite. Every operation that can make an attempt due goes through
// change, except for publishes on PostgreSQL, which notify within their statement.
func (s *Store) change(ctx context.Context, f func(tx bun.Tx) (due bool, err error)) error {
	wake := false
	err := s.write(ctx, func(tx bun.Tx) error {
		due, err := f(tx)
		wake = due
		if err != nil || !due {
			return err
		}
		return s.dialect.notify(ctx, tx)
	})
	if err == nil && wake {
		s.dialect.committed()
	}
	return err
}

const notifyListeners = "SELECT pg_notify(?, ?)"

func (d postgres) notify(ctx context.Context, tx bun.Tx) error {
	_, err := tx.ExecContext(ctx, notifyListeners, d.s.schema, "")
	return err
}

func (postgres) committed() {}

func (sqlite) notify(context.Context, bun.Tx) error { return nil }

func (d sqlite) committed() { d.s.wake.all() }

// notifyNow notifies in a transaction of its own. Only hear looks at the payload.
func (s *Store) notifyNow(payload string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := s.db.ExecContext(ctx, notifyListeners, s.schema, payload)
	return err
}

// sharedNotify lets concurrent publishes share one NOTIFY. PostgreSQL commits the transactions
// of a database that notify one after another, so one publish at a time notifies. If another
// publish ends after that notification was sent, send is called notifyDelay later, unless the
// next publish notifies before.
type sharedNotify struct {
	mu        sync.Mutex
	inFlight  bool // a statement that notifies has not ended
	needed    bool // a publish ended without a notification after it
	scheduled bool // send will be called
}

const notifyDelay = time.Millisecond

// begin reports whether the next statement is to notify.
func (n *sharedNotify) begin() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.inFlight {
		return false
	}
	n.inFlight, n.needed = true, false
	return true
}

// end is called after each statement that left attempts to be claimed, with the answer of
// begin. If no notification follows the statement, end arranges a call of send.
func (n *sharedNotify) end(notified, stored bool, send func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if notified {
		n.inFlight = false
	}
	if !notified || !stored { // other publishes relied on a failed statement, which may also be committed
		n.needed = true
	}
	if !n.needed || n.inFlight || n.scheduled {
		return
	}
	n.scheduled = true
	time.AfterFunc(notifyDelay, func() {
		n.mu.Lock()
		due := n.needed && !n.inFlight
		n.needed, n.scheduled = n.needed && !due, false
		n.mu.Unlock()
		if due {
			_ = send() // dispatchers also poll
		}
	})
}

// broadcast wakes the listeners of this process.
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
