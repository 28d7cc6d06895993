package memstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/ecg-api/webhooks/store"
)

// Tx is a transaction. It holds no lock. Publish matches a message with the subscriptions
// that exist at the call, and Commit stores the message and its attempts.
//
// A database makes the second of two transactions that use the same idempotency
// key wait for the first. This one lets both go on; the second Commit fails with
// [store.ErrConflict] and stores nothing.
type Tx struct {
	store *Store
	mu    sync.Mutex
	batch *batch // nil once it has ended
}

var errEnded = fmt.Errorf("memstore: %w", store.ErrTxEnded)

// Begin starts a transaction.
func (s *Store) Begin(ctx context.Context) (store.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &Tx{store: s, batch: newBatch()}, nil
}

// own returns the transaction behind a store.Tx, if it is one of this store's.
func (s *Store) own(tx store.Tx) (*Tx, error) {
	switch own, ok := tx.(*Tx); {
	case !ok:
		return nil, fmt.Errorf("memstore: %w: it is a %T; take one from Begin", store.ErrForeignTx, tx)
	case own == nil:
		return nil, fmt.Errorf("memstore: %w: it is nil; take one from Begin", store.ErrForeignTx)
	case own.store != s:
		return nil, fmt.Errorf("memstore: %w: it is of another memory store", store.ErrForeignTx)
	default:
		return own, nil
	}
}

func (tx *Tx) publish(
	ctx context.Context, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.batch == nil {
		return nil, errEnded
	}
	if err := tx.store.lock(ctx); err != nil {
		return nil, err
	}
	defer tx.store.unlock()
	b := newBatch()
	results, err := tx.store.plan(b, tx.batch, messages, opts)
	if err != nil {
		return nil, err
	}
	tx.batch.append(b)
	return results, nil
}

// open returns an error once the transaction has ended.
func (tx *Tx) open() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.batch == nil {
		return errEnded
	}
	return nil
}

// Commit stores the published messages.
func (tx *Tx) Commit() error {
	b, err := tx.end()
	if err != nil {
		return err
	}
	tx.store.mu.Lock()
	defer tx.store.unlock()
	if err := tx.store.conflict(b); err != nil {
		return err
	}
	tx.store.apply(b)
	return nil
}

// Rollback forgets the published messages. After Commit it fails and changes nothing.
func (tx *Tx) Rollback() error {
	_, err := tx.end()
	return err
}

// end takes the batch out of the transaction.
func (tx *Tx) end() (*batch, error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.batch == nil {
		return nil, errEnded
	}
	b := tx.batch
	tx.batch = nil
	return b, nil
}
