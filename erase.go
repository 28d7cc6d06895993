package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
)

// Erase starts a job that removes everything of an organization: subscriptions with headers,
// secrets and recoveries, messages, deliveries, idempotency keys and entries of the audit trail.
// The entries of erasures alone stay. The job is in the store: it continues after a restart, in
// any process that dispatches. While it runs, Erase returns the same job again.
//
// The subscriptions are gone when Erase returns. Attempts that are being sent finish, and no other
// attempt begins; in processes that share the store, that is so after a second. Until the job is
// done, [Subscriptions.Create] fails with [ErrErasing]. What is published meanwhile goes to
// nobody, and is removed too. A transaction that was open for longer than the job, with
// [Dispatcher.PublishTx], leaves its messages: call Erase again.
//
// A *[ValidationError] if org is the nil UUID.
func (w *Webhooks) Erase(ctx context.Context, org uuid.UUID) (Erasure, error) {
	c := w.core
	if err := checkOrganization(org); err != nil {
		return Erasure{}, err
	}
	e, err := c.store.CreateErasure(ctx, Erasure{
		ID: c.cfg.NewID(), OrganizationID: org, CreatedAt: c.now(), CreatedBy: Actor(ctx),
	})
	if err != nil {
		return Erasure{}, err
	}
	c.engine.ForgetAll()
	c.engine.WakeErasures()
	return e, nil
}

// Erasure returns the present state of a job of [Webhooks.Erase].
func (w *Webhooks) Erasure(ctx context.Context, id uuid.UUID) (Erasure, error) {
	return w.core.store.Erasure(ctx, id)
}

const (
	// eraseBatch bounds the records that one step of FinishErasure removes.
	eraseBatch = 500
	// eraseWait is the time between two looks while another process does a step.
	eraseWait = time.Second
)

// FinishErasure does the remaining steps of a job in this process, for a program without a
// dispatcher. It calls progress, which may be nil, after each step, and returns the job when it is
// done. While another process does a step, FinishErasure waits.
func (w *Webhooks) FinishErasure(ctx context.Context, id uuid.UUID, progress func(Erasure)) (Erasure, error) {
	c := w.core
	for {
		e, err := c.store.Erasure(ctx, id)
		if err != nil {
			return e, err
		}
		if progress != nil {
			progress(e)
		}
		if e.State == ErasureDone {
			return e, nil
		}
		found, err := c.store.AdvanceErasure(ctx, c.now(), eraseBatch)
		if err != nil {
			return e, err
		}
		if !found {
			wait, cancel := clock.WithTimeout(ctx, c.cfg.Clock, eraseWait)
			<-wait.Done()
			cancel()
			if err := ctx.Err(); err != nil {
				return e, err
			}
		}
	}
}

// Expunge removes the content of a message, given the ids of organization and message in this
// order: its body, and the bodies of the answers to its attempts. Attempts without an outcome are
// cancelled. A dispatcher may still send an attempt that it claimed before. The message and
// its attempts stay in history, with Expunged. Expunge can be repeated, and finishes an interrupted
// call.
func (d *Dispatcher) Expunge(ctx context.Context, org, message uuid.UUID) error {
	return d.store.ExpungeMessage(ctx, org, message, Expunged{At: d.now(), By: Actor(ctx)})
}
