package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type recoveryRow struct {
	bun.BaseModel `bun:"table:recoveries,alias:j"`

	ID             id `bun:",pk"`
	OrganizationID id
	SubscriptionID id
	Scope          store.RecoveryScope
	SinceAt        instant
	UntilAt        instant
	Rate           int
	State          store.RecoveryState
	Matched        int
	Queued         int
	CreatedAt      instant
	CreatedBy      string
	FinishedAt     instant
	DueAt          instant
	Missed         bool
	Position       optionalID
}

func (r *recoveryRow) toStore() store.Recovery {
	return store.Recovery{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), SubscriptionID: uuid.UUID(r.SubscriptionID),
		Scope: r.Scope, Since: time.Time(r.SinceAt), Until: time.Time(r.UntilAt), RatePerSecond: r.Rate,
		State: r.State, Matched: r.Matched, Queued: r.Queued,
		CreatedAt: time.Time(r.CreatedAt), CreatedBy: r.CreatedBy, FinishedAt: time.Time(r.FinishedAt),
	}
}

func (s *Store) recoveries(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("recoveries AS j"))
}

// CreateRecovery implements store.Recoveries.
func (s *Store) CreateRecovery(ctx context.Context, r store.Recovery) error {
	return s.write(ctx, func(tx bun.Tx) error {
		if err := s.requireSubscription(ctx, tx, r.OrganizationID, r.SubscriptionID, "SHARE"); err != nil {
			return err
		}
		row := &recoveryRow{
			ID: id(r.ID), OrganizationID: id(r.OrganizationID), SubscriptionID: id(r.SubscriptionID), Scope: r.Scope,
			SinceAt: instant(r.Since), UntilAt: instant(r.Until), Rate: r.RatePerSecond, Matched: r.Matched,
			CreatedAt: instant(r.CreatedAt), CreatedBy: r.CreatedBy,
		}
		if _, err := tx.NewInsert().Model(row).ModelTableExpr(s.table("recoveries")).Exec(ctx); err != nil {
			return err
		}
		return s.setDue(ctx, tx, r.ID, 0)
	})
}

// setDue makes a job due after a wait, by the clock of the database.
func (s *Store) setDue(ctx context.Context, tx bun.Tx, recovery uuid.UUID, wait time.Duration) error {
	c := s.on(tx.Tx)
	return c.query(ctx, `UPDATE {}recoveries SET due_at = {now} + CAST(? AS bigint){us} WHERE id = ?`, nil,
		wait.Microseconds(), c.id(recovery))
}

// Recovery implements store.Recoveries.
func (s *Store) Recovery(ctx context.Context, org, subscription, recovery uuid.UUID) (store.Recovery, error) {
	row, err := s.recovery(ctx, s.db, org, subscription, recovery, "")
	if err != nil {
		return store.Recovery{}, s.mapError(ctx, err)
	}
	return row.toStore(), nil
}

func (s *Store) recovery(ctx context.Context, db bun.IDB, org, subscription, recovery uuid.UUID, lock string) (row recoveryRow, err error) {
	if err := s.requireSubscription(ctx, db, org, subscription, ""); err != nil {
		return row, err
	}
	q := s.recoveries(db, &row).Where("j.id = ?", id(recovery)).Where("j.subscription_id = ?", id(subscription))
	return row, s.locked(q, lock).Scan(ctx)
}

// StopRecovery implements store.Recoveries. It waits for a step that is under way.
func (s *Store) StopRecovery(ctx context.Context, org, subscription, recovery uuid.UUID, at time.Time) error {
	return s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		row, err := s.recovery(ctx, tx, org, subscription, recovery, "NO KEY UPDATE")
		if err != nil {
			return false, err
		}
		if row.State != store.RecoveryRunning {
			return false, errUnchanged
		}
		row.State, row.FinishedAt = store.RecoveryStopped, instant(at)
		if err := s.updateRecovery(ctx, tx, &row); err != nil {
			return false, err
		}
		return s.tellOfEnd(ctx, tx, &row)
	})
}

// tellOfEnd publishes the news about a job that ended.
func (s *Store) tellOfEnd(ctx context.Context, tx bun.Tx, row *recoveryRow) (due bool, err error) {
	job := row.toStore()
	return s.tell(ctx, tx, store.Change{Ended: &job})
}

func (s *Store) updateRecovery(ctx context.Context, tx bun.Tx, row *recoveryRow) error {
	_, err := tx.NewUpdate().Model(row).ModelTableExpr(s.table("recoveries AS j")).WherePK().Exec(ctx)
	return err
}
