package webhooks_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

func TestRecoverSendsFailedAndMissedDeliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *webhooks.Config) { c.RetrySchedule = []time.Duration{time.Second} })
		s := w.subscribe("*")
		start := time.Now()
		w.must(w.Dispatcher.Start(t.Context()))
		pollOnce()
		w.answer(500)
		failed := []uuid.UUID{w.publish("1").ID, w.publish("2").ID}
		pass(time.Minute)
		w.must(w.Subscriptions.Deactivate(t.Context(), w.org, s.ID))
		missed := w.publish("3").ID
		w.must(w.Subscriptions.Activate(t.Context(), w.org, s.ID))
		w.answer(200)
		fine := w.publish("4").ID
		pass(time.Minute)
		before := len(w.sent())

		in := webhooks.RecoveryInput{Since: start, Scope: webhooks.RecoverAll}
		n, err := w.Dispatcher.CountRecoverable(t.Context(), w.org, s.ID, in)
		if err != nil || n != 3 {
			t.Errorf("%d are to be recovered, want 3, %v", n, err)
		}
		job, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in)
		w.must(err)
		pass(time.Minute)
		times := map[string]int{}
		sent := w.sent()[before:]
		for _, r := range sent {
			times[r.Header.Get(signing.HeaderID)]++
		}
		if len(sent) != 3 || times[failed[0].String()] != 1 || times[failed[1].String()] != 1 || times[missed.String()] != 1 {
			t.Errorf("posted %v, want %v and %v once each, and not %v", times, failed, missed, fine)
		}
		job, err = w.Dispatcher.Recovery(t.Context(), w.org, s.ID, job.ID)
		if err != nil || job.State != webhooks.RecoveryDone || job.Queued != 3 {
			t.Errorf("the job is %+v, %v", job, err)
		}
		if n, err := w.Dispatcher.CountRecoverable(t.Context(), w.org, s.ID, in); err != nil || n != 0 {
			t.Errorf("%d are left, %v", n, err)
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

func TestRecoverWithTheIDOfAJobStartsNoOtherJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, other := w.subscribe("*"), w.subscribe("*")
	in := webhooks.RecoveryInput{Since: time.Now().Add(-time.Hour), Scope: webhooks.RecoverAll, ID: uuid.Must(uuid.NewV7())}
	first, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in)
	w.must(err)
	if first.ID != in.ID {
		t.Errorf("the id is %s, want %s", first.ID, in.ID)
	}
	w.must(w.Dispatcher.StopRecovery(t.Context(), w.org, s.ID, first.ID))
	again, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in)
	if err != nil || again.ID != first.ID || again.State != webhooks.RecoveryStopped {
		t.Errorf("the second call returns %+v, %v; want the stopped job", again, err)
	}
	_, err = w.Dispatcher.Recover(t.Context(), w.org, other.ID, in)
	if invalid, ok := errors.AsType[*webhooks.ValidationError](err); !ok || invalid.Fields[0].Pointer != "/id" {
		t.Errorf("the id of a job of another subscription: %v, want a fault of /id", err)
	}
	var started sync.WaitGroup
	in.ID = uuid.Must(uuid.NewV7())
	for range 8 {
		started.Go(func() {
			if job, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in); err != nil || job.ID != in.ID {
				t.Errorf("one of eight calls at the same time returns %+v, %v", job, err)
			}
		})
	}
	started.Wait()
}
