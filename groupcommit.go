package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	maxCommits       = 2       // transactions at a time: one waits for the disk while the next one is built
	maxGroupMessages = 500     // in one transaction
	maxGroupBytes    = 4 << 20 // of message bodies in one transaction
)

// groupCommit stores concurrent calls of Publish in one transaction. Each transaction takes the calls
// that arrived during the one before it: a single event does not wait, and many events cost little
// more than one. A groupCommit has goroutines only while calls wait.
type groupCommit struct {
	store func(context.Context, []store.NewMessage) ([]store.Published, error)

	mu      sync.Mutex
	waiting []*publishCall
	running int // goroutines that commit
}

// publishCall is a call of Publish that waits for its messages to be stored.
type publishCall struct {
	ctx      context.Context
	messages []store.NewMessage
	results  []store.Published
	err      error
	done     chan struct{}
	group    *commitGroup // nil while the call waits for a transaction
}

// commitGroup is the calls that one transaction stores.
type commitGroup struct {
	calls   []*publishCall
	cancel  context.CancelFunc
	callers int // number of callers that still wait; the transaction is cancelled when none does
}

// publish stores messages, all of them or none.
func (g *groupCommit) publish(ctx context.Context, messages []store.NewMessage) ([]store.Published, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &publishCall{ctx: ctx, messages: messages, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, p)
	if g.running < maxCommits {
		g.running++
		go g.run()
	}
	g.mu.Unlock()
	select {
	case <-p.done:
		return p.results, p.err
	case <-ctx.Done():
		g.abandon(p)
		return nil, ctx.Err()
	}
}

// abandon removes the call of a caller that does not wait any more. A call that has no transaction
// yet is not stored; a transaction is cancelled when no caller waits for it.
func (g *groupCommit) abandon(p *publishCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.group == nil {
		g.waiting = slices.DeleteFunc(g.waiting, func(w *publishCall) bool { return w == p })
	} else if p.group.callers--; p.group.callers == 0 {
		p.group.cancel()
	}
}

// run commits groups until no call waits.
func (g *groupCommit) run() {
	for {
		g.mu.Lock()
		if len(g.waiting) == 0 {
			g.running--
			g.mu.Unlock()
			return
		}
		group := g.nextGroup()
		ctx, cancel := context.WithCancel(context.WithoutCancel(group.calls[0].ctx))
		group.cancel = cancel
		g.mu.Unlock()
		g.commit(ctx, group.calls)
		cancel()
		for _, p := range group.calls {
			close(p.done)
		}
	}
}

// nextGroup takes the calls of the next transaction from the waiting ones, at least one. Two calls
// with the same idempotency key must not share a transaction. The caller holds the lock.
func (g *groupCommit) nextGroup() *commitGroup {
	type key struct {
		org uuid.UUID
		key string
	}
	group, waiting := &commitGroup{}, g.waiting[:0]
	messages, bytes, keys := 0, 0, map[key]bool{}
	fits := func(p *publishCall) bool {
		if len(group.calls) > 0 && (messages+len(p.messages) > maxGroupMessages || bytes > maxGroupBytes) {
			return false
		}
		return !slices.ContainsFunc(p.messages, func(m store.NewMessage) bool {
			return m.IdempotencyKey != "" && keys[key{m.OrganizationID, m.IdempotencyKey}]
		})
	}
	for _, p := range g.waiting {
		if !fits(p) {
			waiting = append(waiting, p)
			continue
		}
		for i := range p.messages {
			m := &p.messages[i]
			bytes += len(m.Body)
			if m.IdempotencyKey != "" {
				keys[key{m.OrganizationID, m.IdempotencyKey}] = true
			}
		}
		messages += len(p.messages)
		p.group = group
		group.calls = append(group.calls, p)
	}
	clear(g.waiting[len(waiting):])
	g.waiting, group.callers = waiting, len(group.calls)
	return group
}

// commit stores the messages of the calls in one transaction. If the transaction fails, each call is
// retried in a transaction of its own, so that an error reaches only the call that caused it.
func (g *groupCommit) commit(ctx context.Context, calls []*publishCall) {
	all := calls[0].messages
	if len(calls) > 1 {
		n := 0
		for _, p := range calls {
			n += len(p.messages)
		}
		all = make([]store.NewMessage, 0, n)
		for _, p := range calls {
			all = append(all, p.messages...)
		}
	}
	results, err := g.storeSafely(ctx, all)
	if err != nil && len(calls) > 1 && !errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		for i := range calls {
			g.commit(ctx, calls[i:i+1])
		}
		return
	}
	for _, p := range calls {
		if p.err = err; err == nil {
			p.results, results = results[:len(p.messages)], results[len(p.messages):]
		}
	}
}

// storeSafely turns a panic of the host's store into an error: in this goroutine it would end the
// process.
func (g *groupCommit) storeSafely(ctx context.Context, messages []store.NewMessage) (results []store.Published, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("webhooks: storing panicked: %v", p)
		}
	}()
	return g.store(ctx, messages)
}
