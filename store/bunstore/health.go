package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Release implements store.Queue.
func (s *Store) Release(ctx context.Context, subscription uuid.UUID) error {
	return s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		c := s.on(tx.Tx)
		return true, c.query(ctx, `UPDATE {}queue SET due_at = {now}, held = false WHERE subscription_id = ? AND held`, nil, c.id(subscription))
	})
}

// UpdateHealth implements store.Queue.
func (s *Store) UpdateHealth(
	ctx context.Context, subscriptions []uuid.UUID, change func(subscription uuid.UUID, h *store.Health),
) error {
	subscriptions = slices.Clone(subscriptions)
	slices.SortFunc(subscriptions, compareIDs) // every call locks rows in this order
	subscriptions = slices.Compact(subscriptions)
	return s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		c := s.on(tx.Tx)
		if err := c.each(ctx, insertHealth, idRows(subscriptions), nil); err != nil {
			return false, err
		}
		health, err := s.lockHealth(ctx, c, subscriptions)
		if err != nil {
			return false, err
		}
		var failing, healthy []uuid.UUID
		for _, sub := range subscriptions {
			h, ok := health[sub]
			if !ok {
				continue // there is no such subscription any more
			}
			before := *h
			switch change(sub, h); *h {
			case store.Health{}: // also if insertHealth has just made the row
				healthy = append(healthy, sub)
			case before:
			default:
				failing = append(failing, sub)
			}
		}
		if err := c.each(ctx, deleteHealth, idRows(healthy), nil); err != nil {
			return false, err
		}
		if err := c.each(ctx, storeHealth, healthRows(failing, health), nil); err != nil {
			return false, err
		}
		return s.tell(ctx, tx, store.Change{})
	})
}

func healthRows(subscriptions []uuid.UUID, health map[uuid.UUID]*store.Health) paramRows {
	h := func(i int) *store.Health { return health[subscriptions[i]] }
	return paramRows{len(subscriptions), []column{
		uuids(func(i int) uuid.UUID { return subscriptions[i] }),
		bigints(func(i int) int { return h(i).Failures }),
		times(func(i int) time.Time { return h(i).Since }),
		times(func(i int) time.Time { return h(i).CountedUntil }),
		bigints(func(i int) int { return h(i).Probes }),
		times(func(i int) time.Time { return h(i).ProbeAt }),
		times(func(i int) time.Time { return h(i).ProbeUntil }),
		times(func(i int) time.Time { return h(i).BackPressureSince }),
		times(func(i int) time.Time { return h(i).BackPressureUntil }),
		bigints(func(i int) store.HealthStage { return h(i).Stage }),
	}}
}

// UpdateHealth inserts missing rows before it locks them, so that no concurrent change is lost. A
// subscription that is deleted at the same time may get a row: pruneDeleted removes it.
const insertHealth = `
WITH r(sub) AS (?)
INSERT INTO {}health (subscription_id, failures, probes)
SELECT s.id, 0, 0 FROM r JOIN {}subscriptions AS s ON s.id = r.sub WHERE s.deleted_at IS NULL ORDER BY s.id
ON CONFLICT DO NOTHING`

// healthColumns are the columns of store.Health in its order. The table is h.
const healthColumns = `h.failures, h.since, h.counted_until, h.probes, h.probe_at, h.probe_until,
  h.back_pressure_since, h.back_pressure_until, h.stage`

func (s *Store) lockHealth(ctx context.Context, c conn, subscriptions []uuid.UUID) (map[uuid.UUID]*store.Health, error) {
	out := make(map[uuid.UUID]*store.Health, len(subscriptions))
	return out, c.each(ctx, `
WITH r(sub) AS (?)
SELECT h.subscription_id, `+healthColumns+` FROM r JOIN {}health AS h ON h.subscription_id = r.sub
ORDER BY h.subscription_id`+c.forUpdate(" FOR UPDATE OF h"), idRows(subscriptions), func(row scanner) error {
		var sub id
		h := &store.Health{}
		err := row.Scan(&sub, &h.Failures, (*instant)(&h.Since), (*instant)(&h.CountedUntil), &h.Probes, (*instant)(&h.ProbeAt),
			(*instant)(&h.ProbeUntil), (*instant)(&h.BackPressureSince), (*instant)(&h.BackPressureUntil), &h.Stage)
		out[uuid.UUID(sub)] = h
		return err
	})
}

const deleteHealth = `
WITH r(sub) AS (?)
DELETE FROM {}health WHERE subscription_id IN (SELECT sub FROM r)`

const storeHealth = `
WITH r(sub, failures, since, counted, probes, probe, probing, pressure, pressed, stage) AS (?)
UPDATE {}health AS h SET failures = r.failures, since = r.since, counted_until = r.counted,
  probes = r.probes, probe_at = r.probe, probe_until = r.probing,
  back_pressure_since = r.pressure, back_pressure_until = r.pressed, stage = r.stage
FROM r WHERE h.subscription_id = r.sub`
