package memstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type message struct {
	store.Message
	attempts []*attempt
}

type idempotencyKey struct {
	org uuid.UUID
	key string
}

type keyUse struct {
	message     uuid.UUID
	deliveries  int
	fingerprint []byte
	at          time.Time
}

// planned is a message that is to be stored, with its subscribers.
type planned struct {
	store.NewMessage
	subscribers []*subscription
	ids         []uuid.UUID // of the attempts
}

// Publish implements [store.Messages].
func (s *Store) Publish(ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions) ([]store.Published, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if tx != nil {
		own, ok := tx.(*Tx)
		if !ok || own.store != s {
			return nil, store.ErrForeignTx
		}
		return own.publish(messages, opts)
	}
	plans, results, err := s.plan(messages, opts, nil)
	if err != nil {
		return nil, err
	}
	left := false
	for _, p := range plans {
		jobs, rest := s.insert(p, &opts)
		left = left || rest
		i := slices.IndexFunc(results, func(r store.Published) bool { return r.MessageID == p.ID })
		results[i].Jobs = jobs
	}
	if left {
		s.wake()
	}
	return results, nil
}

// plan decides what publishing the messages would do. It changes nothing. Used
// holds keys of a transaction that is not committed yet.
func (s *Store) plan(messages []store.NewMessage, opts store.PublishOptions, used map[idempotencyKey]keyUse) ([]planned, []store.Published, error) {
	var plans []planned
	results := make([]store.Published, len(messages))
	for i, m := range messages {
		if use, ok := s.keyUse(m, opts.KeysSince, used); ok {
			if !bytes.Equal(use.fingerprint, m.Fingerprint) {
				return nil, nil, &store.IdempotencyError{Index: i}
			}
			results[i] = store.Published{MessageID: use.message, Deliveries: use.deliveries, Duplicate: true}
			continue
		}
		p := planned{NewMessage: m}
		p.Body, p.Source, p.Fingerprint = bytes.Clone(m.Body), bytes.Clone(m.Source), bytes.Clone(m.Fingerprint)
		for _, sub := range s.match(m.Topics) {
			if sub.OrganizationID == m.OrganizationID {
				p.subscribers = append(p.subscribers, sub)
				p.ids = append(p.ids, opts.NewID())
			}
		}
		results[i] = store.Published{MessageID: m.ID, Deliveries: len(p.subscribers)}
		plans = append(plans, p)
	}
	return plans, results, nil
}

func (s *Store) keyUse(m store.NewMessage, since time.Time, used map[idempotencyKey]keyUse) (keyUse, bool) {
	if m.IdempotencyKey == "" {
		return keyUse{}, false
	}
	key := idempotencyKey{m.OrganizationID, m.IdempotencyKey}
	use, ok := used[key]
	if !ok {
		use, ok = s.keys[key]
	}
	return use, ok && !use.at.Before(since)
}

func (p planned) use() keyUse {
	return keyUse{message: p.ID, deliveries: len(p.subscribers), fingerprint: p.Fingerprint, at: p.CreatedAt}
}

// insert stores a message and its attempts. It hands off as many as opts still
// allow, and reports whether some were left to be claimed.
func (s *Store) insert(p planned, opts *store.PublishOptions) (jobs []store.Job, left bool) {
	m := &message{Message: p.Message}
	s.messages[m.ID] = m
	at, _ := slices.BinarySearchFunc(s.order, m.ID, func(o *message, id uuid.UUID) int { return compare(o.ID, id) })
	s.order = slices.Insert(s.order, at, m)
	if p.IdempotencyKey != "" {
		s.keys[idempotencyKey{p.OrganizationID, p.IdempotencyKey}] = p.use()
	}
	for i, sub := range p.subscribers {
		a := &attempt{message: m, sub: sub, expiresAt: p.ExpiresAt, place: -1, Attempt: store.Attempt{
			ID: p.ids[i], DeliveryID: p.ids[i], MessageID: m.ID, OrganizationID: m.OrganizationID,
			SubscriptionID: sub.ID, EventTypeID: m.EventTypeID, Number: 1,
			Audit: store.Audit{CreatedAt: m.CreatedAt, CreatedBy: m.CreatedBy, UpdatedAt: m.CreatedAt, UpdatedBy: m.CreatedBy},
		}}
		a.chain = &chain{attempts: []*attempt{a}}
		s.add(a, p.CreatedAt)
		if opts.HandOff > 0 {
			opts.HandOff--
			jobs = append(jobs, s.lease(a, opts.Lease))
			continue
		}
		left = true
	}
	return jobs, left
}

// Message implements [store.Messages].
func (s *Store) Message(ctx context.Context, org, id uuid.UUID) (store.Message, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Message{}, err
	}
	defer unlock()
	m := s.messages[id]
	if m == nil || m.OrganizationID != org {
		return store.Message{}, store.ErrNotFound
	}
	out := m.Message
	out.Body, out.Source = bytes.Clone(m.Body), bytes.Clone(m.Source)
	return out, nil
}

// Prune implements [store.Messages].
func (s *Store) Prune(ctx context.Context, before time.Time, most int) (int, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	for key, use := range s.keys {
		if use.at.Before(before) {
			delete(s.keys, key)
		}
	}
	n := 0
	s.order = slices.DeleteFunc(s.order, func(m *message) bool {
		if n >= most || !m.CreatedAt.Before(before) || slices.ContainsFunc(m.attempts, func(a *attempt) bool { return !a.Status.Finished() }) {
			return false
		}
		s.remove(m)
		n++
		return true
	})
	return n, nil
}

func (s *Store) remove(m *message) {
	for _, a := range m.attempts {
		delete(s.attempts, a.ID)
		a.sub.attempts = slices.DeleteFunc(a.sub.attempts, func(o *attempt) bool { return o == a })
	}
	delete(s.messages, m.ID)
}
