package bunstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// reserve inserts the idempotency keys of the messages. Messages with a used key become
// duplicates, all other messages are fresh. It never causes a unique violation, which would end
// the caller's transaction.
func (p *publication) reserve(ctx context.Context, c conn) error {
	p.fresh, p.reserved = nil, nil
	var open []int // messages with an undecided key
	for i := range p.messages {
		if p.messages[i].IdempotencyKey != "" {
			open = append(open, i)
		} else {
			p.fresh = append(p.fresh, i)
		}
	}
	slices.SortFunc(open, p.compareKeys) // every batch locks keys in this order
	for try := 0; len(open) > 0; try++ {
		// A key that was in use at the INSERT may be gone at the SELECT, if its first user
		// rolled back or it was pruned. Then the INSERT is repeated.
		if try == 5 {
			return errors.New("idempotency keys were taken and removed five times during one publish")
		}
		var err error
		if open, err = p.insertKeys(ctx, c, open); err == nil && len(open) > 0 {
			open, err = p.compareWithFirst(ctx, c, open)
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(p.fresh)
	return nil
}

func (p *publication) compareKeys(i, j int) int {
	a, b := &p.messages[i], &p.messages[j]
	return cmp.Or(bytes.Compare(a.OrganizationID[:], b.OrganizationID[:]), strings.Compare(a.IdempotencyKey, b.IdempotencyKey))
}

// insertKeys inserts the keys that are free or expired, and returns the messages with a key in
// use.
func (p *publication) insertKeys(ctx context.Context, c conn, open []int) (used []int, err error) {
	m := func(i int) *store.NewMessage { return &p.messages[open[i]] }
	ours := map[uuid.UUID]bool{}
	err = c.each(ctx, insertKeys, paramRows{len(open), []column{
		uuids(func(i int) uuid.UUID { return m(i).OrganizationID }),
		texts(func(i int) string { return m(i).IdempotencyKey }),
		uuids(func(i int) uuid.UUID { return m(i).ID }),
		blobs(func(i int) []byte { return m(i).Fingerprint }),
		bigints(func(i int) int { return len(p.matches[open[i]]) }),
		times(func(i int) time.Time { return m(i).CreatedAt }),
	}}, func(row scanner) error {
		var message id
		err := row.Scan(&message)
		ours[uuid.UUID(message)] = true
		return err
	}, p.opts.KeysSince)
	for _, i := range open {
		if ours[p.messages[i].ID] {
			p.fresh, p.reserved = append(p.fresh, i), append(p.reserved, i)
		} else {
			used = append(used, i)
		}
	}
	return used, err
}

const insertKeys = `
WITH r(org, key, message, fingerprint, deliveries, created) AS (?)
INSERT INTO {}idempotency_keys AS k (organization_id, key, message_id, fingerprint, deliveries, created_at)
SELECT org, key, message, fingerprint, deliveries, created FROM r WHERE true ORDER BY org, key
ON CONFLICT (organization_id, key) DO UPDATE SET message_id = excluded.message_id,
  fingerprint = excluded.fingerprint, deliveries = excluded.deliveries, created_at = excluded.created_at
WHERE k.created_at < ?
RETURNING message_id`

// compareWithFirst makes duplicates of the messages with a key in use, and returns the messages
// whose key has become free.
func (p *publication) compareWithFirst(ctx context.Context, c conn, used []int) (free []int, err error) {
	m := func(i int) *store.NewMessage { return &p.messages[used[i]] }
	found := make([]bool, len(used))
	mismatch := -1
	err = c.each(ctx, selectKeys, paramRows{len(used), []column{
		bigints(func(i int) int { return i }),
		uuids(func(i int) uuid.UUID { return m(i).OrganizationID }),
		texts(func(i int) string { return m(i).IdempotencyKey }),
	}}, func(row scanner) error {
		var n int
		var fingerprint []byte
		result := store.Published{Duplicate: true}
		if err := row.Scan(&n, (*id)(&result.MessageID), &fingerprint, &result.Deliveries); err != nil {
			return err
		}
		found[n] = true
		if i := used[n]; bytes.Equal(fingerprint, m(n).Fingerprint) {
			p.published[i] = result
		} else if mismatch < 0 || i < mismatch {
			mismatch = i
		}
		return nil
	})
	if err == nil && mismatch >= 0 {
		err = &store.IdempotencyError{Index: mismatch}
	}
	for n, i := range used {
		if !found[n] {
			free = append(free, i)
		}
	}
	return free, err
}

const selectKeys = `
WITH r(n, org, key) AS (?)
SELECT r.n, k.message_id, k.fingerprint, k.deliveries
FROM r JOIN {}idempotency_keys AS k ON k.organization_id = r.org AND k.key = r.key`

// release removes the inserted keys, in a transaction that goes on.
func (p *publication) release(ctx context.Context, c conn) error {
	return c.each(ctx, deleteKeys, paramRows{len(p.reserved), []column{
		uuids(func(i int) uuid.UUID { return p.messages[p.reserved[i]].OrganizationID }),
		texts(func(i int) string { return p.messages[p.reserved[i]].IdempotencyKey }),
	}}, nil)
}

const deleteKeys = `
WITH r(org, key) AS (?)
DELETE FROM {}idempotency_keys WHERE (organization_id, key) IN (SELECT org, key FROM r)`
