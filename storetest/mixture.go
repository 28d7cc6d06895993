package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Publishers, dispatchers that lose some leases, a subscription that is switched off and on,
// and readers.
func concurrentMixture(f *fixture) {
	const publishers, each = 3, 20
	e, sub := f.scene()
	other := f.subscribe(like("*"))
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	var background, wg sync.WaitGroup
	background.Go(func() { f.toggle(ctx, other.ID) })
	background.Go(func() { f.read(ctx, sub.ID) })
	for i := range 3 {
		background.Go(func() { f.dispatch(ctx, i) })
	}
	for range publishers {
		wg.Go(func() {
			for i := range each {
				opts := f.options()
				opts.HandOff, opts.Lease = handOff(i%2), 20*time.Millisecond // and then forgotten
				if _, err := f.s.Publish(f.ctx, nil, []store.NewMessage{f.newMessage(e)}, opts); err != nil {
					f.t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	q := f.history(sub.ID)
	q.Status = store.OnlyPending
	f.eventually("everything is sent", func() bool {
		return must(f.s.Attempts(f.ctx, q))(f.t).Total == 0
	})
	stop()
	background.Wait()
	q.Status = store.OnlySucceeded
	f.equal("succeeded deliveries", must(f.s.Deliveries(f.ctx, q))(f.t).Total, publishers*each)
	f.equal("succeeded attempts", must(f.s.Attempts(f.ctx, q))(f.t).Total, publishers*each)
}

// toggle switches a subscription off and on until ctx is done.
func (f *fixture) toggle(ctx context.Context, id uuid.UUID) {
	for ctx.Err() == nil {
		_, err := f.s.UpdateSubscription(f.ctx, f.org, id, f.now, func(s *store.Subscription) error {
			s.Active = !s.Active
			return nil
		})
		if err != nil {
			f.t.Errorf("UpdateSubscription: %v", err)
			return
		}
		pause(ctx)
	}
}

// read lists the history of a subscription until ctx is done.
func (f *fixture) read(ctx context.Context, sub uuid.UUID) {
	for ctx.Err() == nil {
		list, err := f.s.Deliveries(f.ctx, f.history(sub))
		if err != nil {
			f.t.Errorf("Deliveries: %v", err)
			return
		}
		if list.Total != len(list.Items) {
			f.t.Errorf("Deliveries: %d items of %d", len(list.Items), list.Total)
		}
		pause(ctx)
	}
}

// dispatch sends due attempts until ctx is done. It lets each delivery fail once, and loses
// some leases.
func (f *fixture) dispatch(ctx context.Context, dispatcher int) {
	for round := 0; ctx.Err() == nil; round++ {
		lease := time.Hour
		if round%4 == dispatcher {
			lease = 20 * time.Millisecond
		}
		jobs, _, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 5, Lease: lease})
		if err != nil {
			f.t.Errorf("Claim: %v", err)
			return
		}
		if lease != time.Hour {
			continue // died
		}
		var outcomes []store.Outcome
		for _, j := range jobs {
			outcome := f.success(j.Lease)
			if j.Step == 0 {
				outcome = f.failure(j.Lease, f.next())
			}
			outcomes = append(outcomes, outcome)
		}
		lost, err := f.s.Record(f.ctx, outcomes)
		if err != nil || len(lost) > 0 {
			f.t.Errorf("Record: error %v, lost %v", err, lost)
			return
		}
		pause(ctx)
	}
}

// pause lets other goroutines run.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Millisecond):
	}
}
