package webhooks_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

// dying is a store that stops removing after some steps, as in a process that is killed.
type dying struct {
	store.Store
	left atomic.Int32
}

func (d *dying) AdvanceErasure(ctx context.Context, at time.Time, max int) (bool, error) {
	if d.left.Add(-1) < 0 {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return d.Store.AdvanceErasure(ctx, at, min(max, 10))
}

func TestEraseGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.subscribe("*")
		for range 50 {
			w.publish("1")
		}
		d := &dying{Store: w.store}
		d.left.Store(3)
		first, err := webhooks.New(d, webhooks.Config{Sender: w})
		w.must(err)
		ctx, kill := context.WithCancel(t.Context())
		w.must(first.Dispatcher.Start(ctx))
		job, err := first.Erase(t.Context(), w.org)
		w.must(err)
		pass(time.Second)
		kill()
		pass(time.Minute)
		half, err := w.Erasure(t.Context(), job.ID)
		w.must(err)
		if half.State != webhooks.ErasureRunning || half.Messages == 0 || half.Messages >= 50 {
			t.Errorf("when the first process ended, the job was %+v", half)
		}

		sent := len(w.sent())
		w.must(w.Dispatcher.Start(t.Context()))
		pass(time.Minute)
		w.must(w.Dispatcher.Stop(t.Context()))
		done, err := w.Erasure(t.Context(), job.ID)
		w.must(err)
		if done.State != webhooks.ErasureDone || done.Messages != 50 || done.Attempts != 50 || done.Subscriptions != 1 {
			t.Errorf("the job is %+v", done)
		}
		if len(w.sent()) != sent {
			t.Errorf("%d attempts were made after the erasure began", len(w.sent())-sent)
		}
	})
}

func TestEraseAgainIsTheSameJobUntilItIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("*")
	w.publish("1")
	ctx := webhooks.WithActor(t.Context(), "dora")
	first, err := w.Erase(ctx, w.org)
	w.must(err)
	again, err := w.Erase(ctx, w.org)
	if err != nil || again != first || first.CreatedBy != "dora" {
		t.Errorf("%+v, then %+v, %v", first, again, err)
	}
	_, _, err = w.Subscriptions.Create(ctx, w.org, webhooks.SubscriptionInput{})
	wantErr(t, err, webhooks.ErrErasing)
	steps := 0
	done, err := w.FinishErasure(ctx, first.ID, func(webhooks.Erasure) { steps++ })
	if err != nil || done.State != webhooks.ErasureDone || done.Messages != 1 || steps < 2 {
		t.Errorf("%+v after %d steps, %v", done, steps, err)
	}
	next, err := w.Erase(ctx, w.org)
	if err != nil || next.ID == first.ID {
		t.Errorf("after the end: %+v, %v", next, err)
	}
	var kept []webhooks.AuditEntry
	for _, e := range w.entries() {
		if e.OrganizationID == w.org {
			kept = append(kept, e)
		}
	}
	if len(kept) != 2 || kept[0].Action != store.ActionOrganizationErased || kept[1].Action != store.ActionOrganizationErased {
		t.Errorf("the trail of the organization is %+v", kept)
	}
	_, err = w.Erase(ctx, uuid.Nil)
	wantFault(t, err, webhooks.Invalid, "/organizationId")
}

func TestFinishErasureWaitsForAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		job, err := w.Erase(t.Context(), w.org)
		w.must(err)
		busy, err := webhooks.New(&busyStore{Store: w.store}, webhooks.Config{})
		w.must(err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := busy.FinishErasure(ctx, job.ID, nil); err != context.DeadlineExceeded { //nolint:errorlint // as it is
			t.Errorf("while another process holds the job: %v", err)
		}
		_, err = w.FinishErasure(t.Context(), job.ID, nil)
		w.must(err)
		_, err = w.FinishErasure(t.Context(), uuid.New(), nil)
		wantErr(t, err, webhooks.ErrNotFound)
	})
}

// busyStore is a store in which another process advances every job.
type busyStore struct{ store.Store }

func (*busyStore) AdvanceErasure(context.Context, time.Time, int) (bool, error) { return false, nil }

func TestExpungedMessageIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe("*")
	m := w.publish(`{"patient": "Smith"}`)
	ctx := webhooks.WithActor(t.Context(), "dora")
	attempt := w.attempts(sub)[0]
	w.must(w.Dispatcher.Expunge(ctx, w.org, m.ID))
	w.must(w.Dispatcher.Expunge(ctx, w.org, m.ID))
	got, err := w.Dispatcher.Message(ctx, w.org, m.ID)
	if err != nil || got.Data() != nil || got.Expunged.By != "dora" || got.Deliveries.Cancelled != 1 {
		t.Errorf("the message is %+v, %v", got, err)
	}
	_, _, err = w.Signer.Hash(ctx, w.org, sub.ID, attempt.ID)
	wantErr(t, err, webhooks.ErrExpunged)
	_, err = w.Dispatcher.Retry(ctx, w.org, sub.ID, attempt.ID)
	wantErr(t, err, webhooks.ErrExpunged)
	_, err = w.Dispatcher.Explain(ctx, w.org, m.ID, webhooks.ExplainQuery{})
	wantErr(t, err, webhooks.ErrExpunged)
	_, err = w.Dispatcher.Report(ctx, w.org, sub.ID, attempt.ID, webhooks.ReportInput{DeliveryID: attempt.ID, Success: true})
	wantErr(t, err, webhooks.ErrExpunged)
	wantErr(t, w.Dispatcher.Expunge(ctx, uuid.New(), m.ID), webhooks.ErrNotFound)
}
