package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// MaxBatch is the largest number of events that [Dispatcher.PublishBatch] and
// [Dispatcher.PublishBatchTx] accept.
const MaxBatch = 1000

// idempotencyKeyLife is the time for which an idempotency key is remembered.
const idempotencyKeyLife = 24 * time.Hour

// Published is the result of publishing one event.
type Published struct {
	ID         uuid.UUID // of the message; its deliveries carry it as webhook-id
	Deliveries int       // number of subscriptions that matched
	Duplicate  bool      // the event was published before under the same idempotency key
}

// Publish stores an event and one delivery for each matching live subscription of the
// organization in one transaction. After it returned without an error the deliveries will be
// made, also if this process ends.
//
// It returns a *[ValidationError] if org is the nil UUID, the event is malformed, its type is
// unknown or its data does not match the type's schema; [ErrEventInactive];
// [ErrIdempotencyMismatch] if the key was used for another content; and [ErrUnavailable] if the
// store could not be reached. After ErrUnavailable it is unknown whether the event was stored:
// publish it again with an idempotency key.
func (d *Dispatcher) Publish(ctx context.Context, org uuid.UUID, e Event) (Published, error) {
	return singleResult(d.publish(ctx, nil, org, []Event{e}))
}

// PublishTx publishes in the caller's transaction: the event is stored and will be
// delivered if, and only if, the transaction commits. An error about the event leaves the
// transaction usable. Wrap the transaction as the store demands: with bunstore.Tx, with
// bunstore.PgxTx, or as memstore's Begin gives it.
//
// It also returns [ErrForeignTx] if the transaction is nil, or belongs to another database or another
// kind of store; [ErrTxEnded] if it has ended, or a statement failed in it before; and [ErrReadOnly]
// if it is read-only. A serialization failure of PostgreSQL is in the chain of the error, for
// [errors.As]: run the transaction again.
//
// PublishTx uses the transaction's connection alone and takes no second one from the pool: a
// pool of one connection is enough. It reads the event type in the transaction, so that changes
// of the catalog in the same transaction count.
func (d *Dispatcher) PublishTx(ctx context.Context, tx Tx, org uuid.UUID, e Event) (Published, error) {
	if tx == nil {
		return Published{}, errNilTx
	}
	return singleResult(d.publish(ctx, tx, org, []Event{e}))
}

var errNilTx = fmt.Errorf("webhooks: %w: it is nil; publish without a transaction with Publish or PublishBatch", ErrForeignTx)

// PublishBatch publishes up to [MaxBatch] events, all of them or none. The results
// are in the order of the events. An error about one event is an *[EventError].
func (d *Dispatcher) PublishBatch(ctx context.Context, org uuid.UUID, events []Event) ([]Published, error) {
	return d.publishBatch(ctx, nil, org, events)
}

// PublishBatchTx publishes as PublishBatch does, in the caller's transaction as
// PublishTx does. After an error about one event no event of the batch is
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

// singleResult returns the result of a batch of one event. An error is not wrapped in an EventError.
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
	began := d.cfg.Clock.Now()
	ctx, end := d.engine.StartPublish(ctx, PublishStart{OrganizationID: org, Events: len(events)})
	err = d.withinStoreTimeout(ctx, func(ctx context.Context) (err error) {
		results, err = d.publishWithin(ctx, tx, org, events)
		return err
	})
	end(publishEnd(events, results, err))
	d.measurePublish(began, len(events), results, err)
	return results, err
}

// publishEnd describes the result of a publish to the Tracer.
func publishEnd(events []Event, results []Published, err error) PublishEnd {
	end := PublishEnd{Err: err}
	if err == nil && len(events) == 1 {
		end.MessageID, end.EventType = results[0].ID, events[0].Type
	}
	for _, r := range results {
		end.Deliveries += r.Deliveries
	}
	return end
}

func (d *Dispatcher) publishWithin(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if err := checkOrganization(org); err != nil {
		return nil, err
	}
	messages, messageOf, err := d.messages(ctx, tx, org, events)
	if err != nil {
		return nil, err
	}
	stored, err := d.storeMessages(ctx, tx, messages)
	if mismatch, ok := errors.AsType[*store.IdempotencyError](err); ok {
		if i := slices.Index(messageOf, mismatch.Index); i >= 0 {
			return nil, &EventError{i, ErrIdempotencyMismatch}
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

// messages makes the messages of events, and returns for each event the index of its message. Events
// with the same idempotency key share a message.
func (d *Dispatcher) messages(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]store.NewMessage, []int, error) {
	messages, messageOf := make([]store.NewMessage, 0, len(events)), make([]int, len(events))
	byKey := map[string]int{}
	types, trace := d.typeReader(tx), d.engine.TraceContext(ctx)
	for i, e := range events {
		m, err := d.message(ctx, &types, org, e)
		if err != nil {
			return nil, nil, &EventError{i, err}
		}
		m.TraceContext = trace
		if m.IdempotencyKey != "" {
			if first, again := byKey[m.IdempotencyKey]; again {
				if string(messages[first].Fingerprint) != string(m.Fingerprint) {
					return nil, nil, &EventError{i, ErrIdempotencyMismatch}
				}
				messageOf[i] = first
				continue
			}
			byKey[m.IdempotencyKey] = len(messages)
		}
		messageOf[i] = len(messages)
		messages = append(messages, m)
	}
	return messages, messageOf, nil
}

// storeMessages stores messages in the caller's transaction, or, without one, in a group commit.
// The dispatcher is not told of messages in the caller's transaction: it is unknown when that
// commits.
func (d *Dispatcher) storeMessages(ctx context.Context, tx Tx, messages []store.NewMessage) ([]store.Published, error) {
	if tx == nil {
		return d.commits.publish(ctx, messages)
	}
	opts := store.PublishOptions{NewID: d.cfg.NewID, KeysSince: d.now().Add(-idempotencyKeyLife)}
	return d.store.Publish(ctx, tx, messages, opts)
}

// storeAndHandOff stores messages in a transaction of their own. It stores as many attempts as the
// dispatcher of this process has room for under a lease, and hands them over without a claim. For
// the remaining attempts it wakes the dispatcher.
func (c *core) storeAndHandOff(ctx context.Context, messages []store.NewMessage) ([]store.Published, error) {
	opts := store.PublishOptions{NewID: c.cfg.NewID, KeysSince: c.now().Add(-idempotencyKeyLife)}
	measure.BatchSize.Record(c.cfg.Metrics, float64(len(messages)), "publish")
	reservation := c.engine.Reserve()
	opts.HandOff, opts.Lease, opts.Host = reservation.Take, reservation.Lease, reservation.Host
	stored, err := c.store.Publish(ctx, nil, messages, opts)
	jobs, unleased := make([]store.Job, 0, len(stored)), false
	for _, s := range stored {
		jobs = append(jobs, s.Jobs...)
		unleased = unleased || len(s.Jobs) < s.Deliveries && !s.Duplicate
	}
	reservation.HandOver(jobs)
	if unleased {
		c.engine.Wake()
	}
	return stored, err
}
