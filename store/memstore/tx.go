package memstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/ecg-api/webhooks/store"
)

// Tx is a transaction of a [Store]: what is published in it is stored when it
// commits. It holds no lock meanwhile, and so can fail to commit if an idempotency
// key was used elsewhere in between. It is used by one goroutine.
type Tx struct {
	store *Store
	plans []planned
	used  map[idempotencyKey]keyUse
	ended bool
}

var errEnded = errors.New("memstore: the transaction has ended")

// Begin implements [store.Transactor].
func (s *Store) Begin(ctx context.Context) (store.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &Tx{store: s, used: map[idempotencyKey]keyUse{}}, nil
}

// publish is called with the store locked.
func (t *Tx) publish(messages []store.NewMessage, opts store.PublishOptions) ([]store.Published, error) {
	if t.ended {
		return nil, errEnded
	}
	plans, results, err := t.store.plan(messages, opts, t.used)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		if p.IdempotencyKey != "" {
			t.used[idempotencyKey{p.OrganizationID, p.IdempotencyKey}] = p.use()
		}
	}
	t.plans = append(t.plans, plans...)
	return results, nil
}

// Commit stores what was published.
func (t *Tx) Commit() error {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	if t.ended {
		return errEnded
	}
	t.ended = true
	for key, use := range t.used {
		if other, ok := t.store.keys[key]; ok && !other.at.Before(use.at) && other.message != use.message {
			return fmt.Errorf("%w: another transaction used the idempotency key first", store.ErrConflict)
		}
	}
	var none store.PublishOptions
	for _, p := range t.plans {
		t.store.insert(p, &none)
	}
	if len(t.plans) > 0 {
		t.store.wake()
	}
	return nil
}

// Rollback forgets what was published.
func (t *Tx) Rollback() error {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	if t.ended {
		return errEnded
	}
	t.ended = true
	return nil
}
