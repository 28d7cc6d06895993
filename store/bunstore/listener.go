package bunstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// listener is the session on which Listen waits. Between two notifications it runs the calls
// of other goroutines. So the session that holds an advisory lock can say that it does.
type listener struct {
	calls chan func(context.Context, *pgx.Conn)
	ended chan struct{}
	locks map[int64]bool // hosts whose lock the session holds; used inside of calls

	mu        sync.Mutex
	interrupt context.CancelFunc // ends the present wait
}

// callTimeout bounds a call. Its end closes the session, and with it the locks, so it is long.
const callTimeout = 30 * time.Second

func newListener() *listener {
	return &listener{
		calls: make(chan func(context.Context, *pgx.Conn), 1), ended: make(chan struct{}), locks: map[int64]bool{},
		interrupt: func() {},
	}
}

// wait returns when a notification has arrived, a call was made, or the connection failed.
func (l *listener) wait(ctx context.Context, conn *pgx.Conn) (notified bool, err error) {
	waiting, interrupt := context.WithCancel(ctx)
	defer interrupt()
	l.mu.Lock()
	l.interrupt = interrupt
	l.mu.Unlock()
	select {
	case call := <-l.calls:
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		call(ctx, conn)
		return false, nil
	default:
	}
	_, err = conn.WaitForNotification(waiting)
	if waiting.Err() != nil && ctx.Err() == nil && !conn.IsClosed() {
		return false, nil
	}
	return err == nil, err
}

var errNotListening = errors.New("the session that listens has ended")

// onListener runs f on the session. If ctx ends before f returns, f runs to its end all the
// same, so that a slow database does not cost the session.
func onListener[T any](ctx context.Context, l *listener, f func(context.Context, *pgx.Conn) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	call := func(ctx context.Context, conn *pgx.Conn) {
		value, err := f(ctx, conn)
		done <- result{value, err}
	}
	select {
	case l.calls <- call:
	case <-l.ended:
		return *new(T), errNotListening
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
	l.mu.Lock()
	l.interrupt()
	l.mu.Unlock()
	select {
	case r := <-done:
		return r.value, r.err
	case <-l.ended:
		return *new(T), errNotListening
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}
