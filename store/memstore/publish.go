package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Publish stores messages and queues them for the subscriptions that match.
func (s *Store) Publish(
	ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	if tx == nil {
		return s.publish(ctx, messages, opts)
	}
	own, err := s.own(tx)
	if err != nil {
		return nil, err
	}
	return own.publish(ctx, messages, opts)
}

func (s *Store) publish(
	ctx context.Context, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	b := newBatch()
	results, err := s.plan(b, nil, messages, opts)
	if err != nil {
		return nil, err
	}
	s.apply(b)
	byID := map[uuid.UUID]int{}
	for i, r := range results {
		byID[r.MessageID] = i
	}
	for _, a := range b.attempts {
		if opts.HandOff == nil || a.delivery.sequence != nil || !opts.HandOff(a.OrganizationID, a.SubscriptionID) {
			continue
		}
		r := &results[byID[a.MessageID]]
		r.Jobs = append(r.Jobs, s.lease(a, opts.Lease))
	}
	return results, nil
}

// A batch is the new messages and attempts of a call or a transaction, in order.
type batch struct {
	messages []*message
	attempts []*attempt
	ids      map[uuid.UUID]bool // of the messages and attempts
	keys     map[idempotencyKey]newKey
}

// A newKey is the use of a key that was free since a time.
type newKey struct {
	keyUse
	since time.Time
}

func newBatch() *batch {
	return &batch{ids: map[uuid.UUID]bool{}, keys: map[idempotencyKey]newKey{}}
}

// append adds the content of another batch.
func (b *batch) append(other *batch) {
	b.messages = append(b.messages, other.messages...)
	b.attempts = append(b.attempts, other.attempts...)
	for id := range other.ids {
		b.ids[id] = true
	}
	for key, use := range other.keys {
		b.keys[key] = use
	}
}

// plan adds the messages and their attempts to a batch, beside the content of the store and of
// a transaction (nil for none). It changes neither of these.
func (s *Store) plan(
	b, tx *batch, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	results, now := make([]store.Published, len(messages)), s.clock.Now().UTC()
	for i, m := range messages {
		key := idempotencyKey{m.OrganizationID, m.IdempotencyKey}
		if first, used := s.used(key, tx, opts.KeysSince); used && m.IdempotencyKey != "" {
			if !bytes.Equal(first.fingerprint, m.Fingerprint) {
				return nil, &store.IdempotencyError{Index: i}
			}
			results[i] = first.result
			results[i].Duplicate = true
			continue
		}
		added := &message{Message: copyMessage(m.Message)}
		if err := s.claimID(added.ID, b, tx); err != nil {
			return nil, err
		}
		b.messages = append(b.messages, added)
		subs := s.matching(m)
		for _, sub := range subs {
			id := opts.NewID()
			a := newAttempt(sub, &delivery{id: id}, added, store.NewAttempt{
				ID: id, Type: store.FirstPost, At: m.CreatedAt, By: m.CreatedBy, ExpiresAt: m.ExpiresAt,
			})
			a.due = now
			if err := s.claimID(id, b, tx); err != nil {
				return nil, err
			}
			b.attempts = append(b.attempts, a)
		}
		results[i] = store.Published{MessageID: m.ID, Deliveries: len(subs)}
		if m.IdempotencyKey != "" {
			use := keyUse{results[i], bytes.Clone(m.Fingerprint), added.CreatedAt}
			b.keys[key] = newKey{use, opts.KeysSince}
		}
	}
	return results, nil
}

// matching finds the subscriptions that a message goes to.
func (s *Store) matching(m store.NewMessage) []*subscription {
	data := store.NewDocument(m.Data())
	return slices.DeleteFunc(s.live(m.OrganizationID, m.Topics), func(sub *subscription) bool {
		return !sub.Filter.Matches(data)
	})
}

// used returns the first use of a key since a time, if there is one.
func (s *Store) used(key idempotencyKey, tx *batch, since time.Time) (keyUse, bool) {
	if tx != nil {
		if use, ok := tx.keys[key]; ok {
			return use.keyUse, true
		}
	}
	use, ok := s.keys[key]
	return use, ok && !use.at.Before(since)
}

// claimID reserves an id in a batch, if it is new.
func (s *Store) claimID(id uuid.UUID, b, tx *batch) error {
	if b.ids[id] || tx != nil && tx.ids[id] || s.messages[id] != nil || s.attempts[id] != nil {
		return errDuplicateID
	}
	b.ids[id] = true
	return nil
}

// conflict returns an error if a change since a batch was planned forbids the batch now.
func (s *Store) conflict(b *batch) error {
	for id := range b.ids {
		if s.messages[id] != nil || s.attempts[id] != nil {
			return errDuplicateID
		}
	}
	for key, use := range b.keys {
		if _, used := s.used(key, nil, use.since); used {
			return fmt.Errorf("memstore: idempotency key %q was used outside the transaction: %w", key.key, store.ErrConflict)
		}
	}
	return nil
}

// apply stores a batch.
func (s *Store) apply(b *batch) {
	for _, m := range b.messages {
		s.addMessage(m)
	}
	for _, a := range b.attempts {
		s.add(a, a.due)
	}
	for key, use := range b.keys {
		s.keys[key] = use.keyUse
	}
}
