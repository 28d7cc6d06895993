package bunstore

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Publish implements store.Messages. On PostgreSQL it takes one statement if the matching
// subscriptions are in the cache, and two if they are not. In a transaction, idempotency keys take
// a third one.
func (s *Store) Publish(
	ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	p := &publication{messages: messages, opts: opts}
	if tx != nil {
		t, err := s.own(tx)
		if err != nil {
			return nil, err
		}
		p.opts.HandOff = nil
		t.failure = s.dialect.publishInTx(ctx, t, p)
		return p.result(s.mapErrorInTx(ctx, t, t.failure))
	}
	return p.result(s.dialect.publish(ctx, p))
}

// publish sends one statement without an explicit transaction, unless there are idempotency
// keys. The statement notifies, or shares the notification of another publish.
func (d postgres) publish(ctx context.Context, p *publication) error {
	s := d.s
	p.notifications = &s.notifications
	stored := false
	defer func() { // also after a panic in HandOff
		if p.claimable || p.notified {
			s.notifications.end(p.notified, stored, func() error { return s.notifyNow("") })
		}
	}()
	var err error
	if p.keyed() {
		err = s.write(ctx, func(tx bun.Tx) error { return p.run(ctx, s, s.on(tx.Tx)) })
	} else {
		err = s.retry(ctx, func() error {
			return s.session(ctx, func(c conn) error { return p.runSingle(ctx, s, c) })
		})
	}
	stored = err == nil
	return err
}

func (d sqlite) publish(ctx context.Context, p *publication) error {
	return d.s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		err = p.run(ctx, d.s, d.s.on(tx.Tx))
		return p.claimable, err
	})
}

// publishInTx removes the idempotency keys again if the publish fails and the caller's
// transaction goes on. After an error of PostgreSQL the caller can only roll back.
func (d postgres) publishInTx(ctx context.Context, t *transaction, p *publication) error {
	c := d.s.in(ctx, t)
	err := p.run(ctx, d.s, c)
	if err == nil || len(p.reserved) == 0 || !isStoreError(err) {
		return err
	}
	if undo := p.release(ctx, c); undo != nil {
		return undo
	}
	return err
}

// publishInTx undoes a failed publish by a savepoint, and wakes the listeners once the caller's
// transaction is committed.
func (d sqlite) publishInTx(ctx context.Context, t *transaction, p *publication) error {
	if _, err := t.sql.ExecContext(ctx, "SAVEPOINT webhooks_publish"); err != nil {
		return err
	}
	err := p.run(ctx, d.s, d.s.in(ctx, t))
	if err != nil {
		_, _ = t.sql.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO webhooks_publish")
	} else if p.claimable {
		t.ended = append(t.ended, func(committed bool) {
			if committed {
				d.committed()
			}
		})
	}
	if _, released := t.sql.ExecContext(context.WithoutCancel(ctx), "RELEASE webhooks_publish"); err == nil {
		err = released
	}
	return err
}

// publication is one call of Publish.
type publication struct {
	messages []store.NewMessage
	opts     store.PublishOptions

	matchedOnly bool // messages that match no subscription are not stored

	queries *matchQueries
	found   [][]match // by query
	cached  bool      // found is from the matchCache
	matches [][]match // by message

	published []store.Published
	fresh     []int      // the messages to be stored
	reserved  []int      // of fresh messages whose keys were inserted
	attempts  firstPosts // to be stored
	claimable bool       // some of them are to be claimed

	notifications *sharedNotify // nil in the caller's transaction, which may take long
	notified      bool
}

// notifies reports whether the statement notifies. It decides once for all tries.
func (p *publication) notifies() bool {
	if p.claimable && !p.notified {
		p.notified = p.notifications == nil || p.notifications.begin()
	}
	return p.notified
}

func (p *publication) result(err error) ([]store.Published, error) {
	if err != nil {
		return nil, err
	}
	return p.published, nil
}

func (p *publication) keyed() bool {
	for i := range p.messages {
		if p.messages[i].IdempotencyKey != "" {
			return true
		}
	}
	return false
}

// run publishes in a transaction.
func (p *publication) run(ctx context.Context, s *Store, c conn) error {
	if err := p.prepare(ctx, c, nil, true); err != nil || len(p.fresh) == 0 {
		return err
	}
	return s.dialect.insertPublication(ctx, c, p)
}

// runSingle publishes without an explicit transaction: the single INSERT statement is atomic.
func (p *publication) runSingle(ctx context.Context, s *Store, c conn) (err error) {
	for stale, bypassCache := true, false; stale && err == nil; bypassCache = true {
		if err := p.prepare(ctx, c, &s.matchCache, bypassCache); err != nil || len(p.fresh) == 0 {
			return err
		}
		err = s.inPartition(c, len(p.fresh)+len(p.attempts), p.id, func(c conn) (err error) {
			stale, err = p.insert(ctx, c, s.schema)
			return err
		})
	}
	return err
}

// prepare finds the subscriptions, reserves the keys and makes the attempts.
func (p *publication) prepare(ctx context.Context, c conn, cache *matchCache, bypassCache bool) error {
	p.published, p.fresh = make([]store.Published, len(p.messages)), nil
	if len(p.messages) == 0 {
		return nil
	}
	if err := p.match(ctx, c, cache, bypassCache); err != nil {
		return err
	}
	p.filter()
	if err := p.reserve(ctx, c); err != nil {
		return err
	}
	if p.matchedOnly {
		p.fresh = slices.DeleteFunc(p.fresh, func(i int) bool { return len(p.matches[i]) == 0 })
	}
	p.fanOut()
	return nil
}

// id returns the i-th id of the messages and attempts to be stored.
func (p *publication) id(i int) uuid.UUID {
	if i < len(p.fresh) {
		return p.messages[p.fresh[i]].ID
	}
	return p.attempts[i-len(p.fresh)].id
}

// fanOut makes the attempts and the results of the fresh messages.
func (p *publication) fanOut() {
	n := 0
	for _, i := range p.fresh {
		n += len(p.matches[i])
	}
	p.attempts, p.claimable = make(firstPosts, 0, n), false
	jobs := make([]store.Job, 0, n)
	for _, i := range p.fresh {
		m := &p.messages[i]
		result := store.Published{MessageID: m.ID, Deliveries: len(p.matches[i])}
		from := len(jobs)
		for _, match := range p.matches[i] {
			post := firstPost{id: p.opts.NewID(), message: m, match: match}
			if p.opts.HandOff != nil && !match.ordered && p.opts.HandOff(m.OrganizationID, match.subscription) {
				post.token = tokenOf(p.opts.Host, 1)
				jobs = append(jobs, post.job())
			} else {
				p.claimable = true
			}
			p.attempts = append(p.attempts, post)
		}
		if from < len(jobs) {
			result.Jobs = jobs[from:len(jobs):len(jobs)]
		}
		p.published[i] = result
	}
}
