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
	// maxCommits commit at the same time: while one waits for the disk the other gathers.
	maxCommits = 2
	// maxGroupMessages and maxGroupBytes bound what is committed together.
	maxGroupMessages = 500
	maxGroupBytes    = 4 << 20
)

// groupCommit stores what is published at the same time in one transaction: each
// commit takes what has come in during the one before. So a single event does not
// wait, and many cost little more than one. It has goroutines only while there is
// something to store.
type groupCommit struct {
	store func(context.Context, []store.NewMessage) ([]store.Published, error)

	mu      sync.Mutex
	waiting []*publishCall
	running int
}

// publishCall is a call of Publish that waits for its messages to be stored.
type publishCall struct {
	ctx      context.Context
	messages []store.NewMessage
	results  []store.Published
	err      error
	done     chan struct{}
	group    *commitGroup // nil while it is waiting
}

// commitGroup is what one transaction stores.
type commitGroup struct {
	calls   []*publishCall
	cancel  context.CancelFunc
	callers int // calls whose callers still wait
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

// abandon is called when the caller waits no more. What nobody waits for is not
// stored, or its transaction cancelled.
func (g *groupCommit) abandon(p *publishCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.group == nil {
		g.waiting = slices.DeleteFunc(g.waiting, func(w *publishCall) bool { return w == p })
	} else if p.group.callers--; p.group.callers == 0 {
		p.group.cancel()
	}
}

func (g *groupCommit) run() {
	for {
		g.mu.Lock()
		if len(g.waiting) == 0 {
			g.running--
			g.mu.Unlock()
			return
		}
		together := g.nextGroup()
		ctx, cancel := context.WithCancel(context.WithoutCancel(together.calls[0].ctx))
		together.cancel = cancel
		g.mu.Unlock()
		g.commit(ctx, together.calls)
		cancel()
		for _, p := range together.calls {
			close(p.done)
		}
	}
}

// take chooses what is stored next, under the lock: at least one call. The same
// idempotency key twice must be two transactions.
func (g *groupCommit) nextGroup() *commitGroup {
	type key struct {
		org uuid.UUID
		key string
	}
	out, left := &commitGroup{}, g.waiting[:0]
	messages, bytes, keys := 0, 0, map[key]bool{}
	fits := func(p *publishCall) bool {
		if len(out.calls) > 0 && (messages+len(p.messages) > maxGroupMessages || bytes > maxGroupBytes) {
			return false
		}
		return !slices.ContainsFunc(p.messages, func(m store.NewMessage) bool {
			return m.IdempotencyKey != "" && keys[key{m.OrganizationID, m.IdempotencyKey}]
		})
	}
	for _, p := range g.waiting {
		if !fits(p) {
			left = append(left, p)
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
		p.group = out
		out.calls = append(out.calls, p)
	}
	clear(g.waiting[len(left):])
	g.waiting, out.callers = left, len(out.calls)
	return out
}

// commit stores the messages of the calls together. If one of them spoils it, each
// is stored by itself.
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

// storeSafely keeps a panic of what the host plugged in from ending the process.
func (g *groupCommit) storeSafely(ctx context.Context, messages []store.NewMessage) (results []store.Published, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("webhooks: storing panicked: %v", p)
		}
	}()
	return g.store(ctx, messages)
}
