package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/store"
)

// MaxBatch is how many events [Dispatcher.PublishBatch] and
// [Dispatcher.PublishBatchTx] take at once.
const MaxBatch = 1000

// idempotencyKeyLife is how long an idempotency key is remembered.
const idempotencyKeyLife = 24 * time.Hour

// Published is what became of an event.
type Published struct {
	ID         uuid.UUID // the message, and the webhook-id of its deliveries
	Deliveries int       // how many subscriptions matched
	Duplicate  bool      // it was published before under the same idempotency key
}

// Publish stores an event and one delivery for each live subscription of the
// organization that matches, in one transaction. When it returns without an error
// the deliveries will be made, whatever happens to this process.
//
// It returns a *[ValidationError] if org is the nil UUID, the event is malformed, its
// type unknown or its data does not match the type's schema; [ErrEventInactive];
// [ErrIdempotencyMismatch] if the key was used for another content; and
// [ErrUnavailable] if the store could not be reached. After that last one it is
// unknown whether the event was stored: publish again with an idempotency key.
func (d *Dispatcher) Publish(ctx context.Context, org uuid.UUID, e Event) (Published, error) {
	return singleResult(d.publish(ctx, nil, org, []Event{e}))
}

// PublishTx publishes in the caller's transaction: the event is stored and will be
// delivered if, and only if, that commits. An error about the event leaves the
// transaction usable. Wrap the transaction as the store demands, for instance with
// bunstore.Tx. [ErrForeignTx] if it belongs to another kind of store, [ErrReadOnly]
// if it is a read-only transaction.
//
// It works on the transaction's connection alone, and asks the pool for no second
// one: a pool of one connection is enough. The event type is read in the transaction,
// too, so that the transaction's own changes of the catalog count.
func (d *Dispatcher) PublishTx(ctx context.Context, tx Tx, org uuid.UUID, e Event) (Published, error) {
	if tx == nil {
		return Published{}, errNilTx
	}
	return singleResult(d.publish(ctx, tx, org, []Event{e}))
}

var errNilTx = errors.New("webhooks: the transaction is nil")

// PublishBatch publishes up to [MaxBatch] events, all of them or none. The results
// are in the order of the events. An error about one of them is an *[EventError].
func (d *Dispatcher) PublishBatch(ctx context.Context, org uuid.UUID, events []Event) ([]Published, error) {
	return d.publishBatch(ctx, nil, org, events)
}

// PublishBatchTx publishes as PublishBatch does, in the caller's transaction as
// PublishTx does. After an error about one of the events nothing of the batch is
// stored, and the transaction is usable.
func (d *Dispatcher) PublishBatchTx(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if tx == nil {
		return nil, errNilTx
	}
	return d.publishBatch(ctx, tx, org, events)
}

func (d *Dispatcher) publishBatch(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if len(events) == 0 || len(events) > MaxBatch {
		return nil, wrongField(Invalid, "/events", fmt.Sprintf("must have 1–%d members", MaxBatch))
	}
	return d.publish(ctx, tx, org, events)
}

func singleResult(results []Published, err error) (Published, error) {
	if e, ok := errors.AsType[*EventError](err); ok {
		err = e.Err
	}
	if err != nil {
		return Published{}, err
	}
	return results[0], nil
}

func (d *Dispatcher) publish(ctx context.Context, tx Tx, org uuid.UUID, events []Event) (results []Published, err error) {
	err = d.withinStoreTimeout(ctx, func(ctx context.Context) (err error) {
		results, err = d.publishWithin(ctx, tx, org, events)
		return err
	})
	return results, err
}

func (d *Dispatcher) publishWithin(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if err := checkOrganization(org); err != nil {
		return nil, err
	}
	messages := make([]store.NewMessage, 0, len(events))
	messageOf := make([]int, len(events)) // of an event's message: repeated keys share one
	byKey := map[string]int{}
	types, budget := d.typeReader(tx), schema.NewBudget()
	for i, e := range events {
		m, err := d.message(ctx, types, budget, org, e)
		if err != nil {
			return nil, &EventError{i, err}
		}
		if m.IdempotencyKey != "" {
			if first, again := byKey[m.IdempotencyKey]; again {
				if string(messages[first].Fingerprint) != string(m.Fingerprint) {
					return nil, &EventError{i, ErrIdempotencyMismatch}
				}
				messageOf[i] = first
				continue
			}
			byKey[m.IdempotencyKey] = len(messages)
		}
		messageOf[i] = len(messages)
		messages = append(messages, m)
	}
	stored, err := d.storeMessages(ctx, tx, messages)
	if mismatch, ok := errors.AsType[*store.IdempotencyError](err); ok {
		for i := range messageOf {
			if messageOf[i] == mismatch.Index {
				return nil, &EventError{i, ErrIdempotencyMismatch}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	results, seen := make([]Published, len(events)), make([]bool, len(messages))
	for i, at := range messageOf {
		s := stored[at]
		results[i] = Published{ID: s.MessageID, Deliveries: s.Deliveries, Duplicate: s.Duplicate || seen[at]}
		seen[at] = true
	}
	return results, nil
}

// storeMessages stores messages in the transaction, or without one together with what
// else is published.
func (d *Dispatcher) storeMessages(ctx context.Context, tx Tx, messages []store.NewMessage) ([]store.Published, error) {
	if tx != nil { // whether and when it commits is not ours to know
		opts := store.PublishOptions{NewID: d.cfg.NewID, KeysSince: d.now().Add(-idempotencyKeyLife)}
		return d.store.Publish(ctx, tx, messages, opts)
	}
	return d.commits.publish(ctx, messages)
}

// storeAndHandOff stores messages in a transaction of their own, and hands what it can over to
// the dispatcher of this process: it is stored as leased already, and goes out without
// a claim.
func (c *core) storeAndHandOff(ctx context.Context, messages []store.NewMessage) ([]store.Published, error) {
	opts := store.PublishOptions{NewID: c.cfg.NewID, KeysSince: c.now().Add(-idempotencyKeyLife)}
	room := c.engine.Reserve()
	opts.HandOff, opts.Lease = room.Take, room.Lease
	stored, err := c.store.Publish(ctx, nil, messages, opts)
	jobs, left := make([]store.Job, 0, len(stored)), false
	for _, s := range stored {
		jobs = append(jobs, s.Jobs...)
		left = left || len(s.Jobs) < s.Deliveries && !s.Duplicate
	}
	room.HandOver(jobs)
	if left {
		c.engine.Wake()
	}
	return stored, err
}
