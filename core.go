package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/keyring"
	"github.com/ecg-api/webhooks/internal/shared"
)

// core is the state that the four parts share.
type core struct {
	cfg         Config
	store       auditedStore
	policy      *guard.Policy
	keyring     *keyring.Ring
	engine      *delivery.Engine
	types       typeCache
	schemaSlots schemaSlots

	commits    *groupCommit
	operations *Operations
	pinged     shared.Value[struct{}] // whether the store answers
}

// now is the current time in the form of records: UTC, in whole milliseconds.
func (c *core) now() time.Time { return c.cfg.Clock.Now().UTC().Truncate(time.Millisecond) }

// created returns a new id and the audit of a record that is created now.
func (c *core) created(ctx context.Context) (uuid.UUID, Audit) {
	now, by := c.now(), Actor(ctx)
	return c.cfg.NewID(), Audit{CreatedAt: now, CreatedBy: by, UpdatedAt: now, UpdatedBy: by}
}

// touch sets the audit of a record that is changed now.
func (c *core) touch(ctx context.Context, a *Audit) {
	a.UpdatedAt, a.UpdatedBy = c.now(), Actor(ctx)
}

// milliseconds widens a time span to whole milliseconds. Times in records are truncated to
// milliseconds, so an event within the span may be recorded up to a millisecond before it.
func milliseconds(from, to time.Time) (first, end time.Time) {
	return from.UTC().Truncate(time.Millisecond), to.UTC().Add(time.Millisecond - 1).Truncate(time.Millisecond)
}

// withinStoreTimeout runs f with a context that ends after Config.StoreTimeout. It turns
// the end of that time into ErrUnavailable; the end of the caller's ctx is returned unchanged.
func (c *core) withinStoreTimeout(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := clock.WithTimeout(ctx, c.cfg.Clock, c.cfg.StoreTimeout)
	defer cancel()
	err := f(bounded)
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("webhooks: %w: no answer within Config.StoreTimeout (%v): the database is slow or away, "+
		"or each connection of its pool is in use", ErrUnavailable, c.cfg.StoreTimeout)
}
