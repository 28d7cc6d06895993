package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/store"
)

var concurrencyCases = []testCase{
	{"UpdatesOfACategoryLoseNone", concurrentCategoryUpdates},
	{"UpdatesOfASubscriptionLoseNone", concurrentSubscriptionUpdates},
	{"CreationsOfOneCodeMakeOne", concurrentCodes},
	{"RetriesHaveNumbersOfTheirOwn", concurrentRetries},
	{"RetryWhileTheChainGoesOnLeavesOneToCome", concurrentRetryAndRecord},
	{"DeletingWhileSomebodyRefersToIt", concurrentReferences},
	{"JoiningAChainWhileItIsPruned", concurrentJoinAndPrune},
	{"AddingAnAttemptWhileTheSubscriptionIsDeletedLeavesNone", concurrentAddAndDelete},
	{"EverythingAtOnceEndsEveryAttemptOnce", concurrentMixture},
}

// together calls do n times at once.
func (f *fixture) together(n int, do func(i int) error) {
	f.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := do(i); err != nil {
				f.t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

func concurrentCategoryUpdates(f *fixture) {
	const n = 16
	c := f.addCategory("vitals")
	f.together(n, func(int) error {
		_, err := f.s.UpdateCategory(f.ctx, c.ID, func(c *store.Category) error {
			c.Name += "x"
			return nil
		})
		return err
	})
	got := f.category(c.ID)
	f.equal("length of the name", len(got.Name), len(c.Name)+n)
	f.equal("revision", got.Revision, int64(1+n))
}

func concurrentSubscriptionUpdates(f *fixture) {
	const n = 16
	sub := f.subscribe()
	var seen sync.Map
	f.together(n, func(i int) error {
		got, err := f.s.UpdateSubscription(f.ctx, f.org, sub.ID, f.now, func(s *store.Subscription) error {
			s.Headers[fmt.Sprintf("X-%d", i)] = ""
			return nil
		})
		seen.Store(got.Revision, true)
		return err
	})
	got := f.subscription(sub.ID)
	f.equal("headers", len(got.Headers), len(sub.Headers)+n)
	f.equal("revision", got.Revision, int64(1+n))
	for revision := int64(2); revision <= n+1; revision++ {
		if _, ok := seen.Load(revision); !ok {
			f.t.Errorf("nobody was given revision %d", revision)
		}
	}
}

func concurrentCodes(f *fixture) {
	var made atomic.Int32
	f.together(8, func(int) error {
		err := f.s.CreateCategory(f.ctx, f.newCategory("vitals"))
		if err == nil {
			made.Add(1)
		}
		if errors.Is(err, store.ErrCodeTaken) {
			return nil
		}
		return err
	})
	f.equal("made", made.Load(), int32(1))
}

func concurrentRetries(f *fixture) {
	const n = 8
	e, _ := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.next()))
	f.together(n, func(int) error {
		_, err := f.s.AddAttempt(f.ctx, f.org, job.SubscriptionID, f.newRetry(job.AttemptID))
		return err
	})
	chain := f.chain(job)
	f.equal("length of the chain", len(chain), 2+n)
	for i, a := range chain {
		f.equal("number", a.Number, i+1)
	}
}

// Whichever comes first, the manual retry is the one that remains: it cancels the
// automatic one, or keeps it from being added.
func concurrentRetryAndRecord(f *fixture) {
	e, _ := f.scene()
	for range 10 {
		first := f.queue(e)
		f.record(f.failure(first.Lease, f.next()))
		second := f.claimOne()
		f.together(2, func(i int) error {
			if i == 0 {
				_, err := f.s.Record(f.ctx, []store.Outcome{f.failure(second.Lease, f.next())})
				return err
			}
			_, err := f.s.AddAttempt(f.ctx, f.org, first.SubscriptionID, f.newRetry(first.AttemptID))
			return err
		})
		manual := f.claimOne()
		f.equal("type of what is to come", manual.Type, store.ManualRetry)
		for i, a := range f.chain(first) {
			f.equal("number", a.Number, i+1)
		}
		f.record(f.success(manual.Lease))
	}
}

// Of a deletion and a new reference to the deleted record, one fails.
func concurrentReferences(f *fixture) {
	for i := range 10 {
		c := f.addCategory(fmt.Sprint("category ", i))
		e := f.newEventType(c, fmt.Sprint("event ", i), "v1")
		f.eitherOr(
			func() error { return f.s.CreateEventType(f.ctx, e) }, store.ErrBadReference,
			func() error { return f.s.DeleteCategory(f.ctx, c.ID, nil) }, store.ErrInUse,
		)
		e = f.addEventType(f.addCategory(fmt.Sprint("kept ", i)), fmt.Sprint("kept ", i), "v1")
		sub := f.newSubscription(only(e))
		f.eitherOr(
			func() error { return f.s.CreateSubscription(f.ctx, sub, f.newSecret(sub, f.now)) }, store.ErrBadReference,
			func() error { return f.s.DeleteEventType(f.ctx, e.ID, nil) }, store.ErrInUse,
		)
	}
}

// Either the chain is gone, or it has both attempts.
func concurrentJoinAndPrune(f *fixture) {
	e, sub := f.scene()
	for range 10 {
		job := f.queueAt(e, f.at(-2*time.Hour))
		f.record(f.failure(job.Lease, nil))
		a := f.joining(job.AttemptID, e)
		var errAdd error
		f.together(2, func(i int) (err error) {
			if i == 0 {
				_, errAdd = f.s.AddAttempt(f.ctx, f.org, sub.ID, a)
				return nil
			}
			_, err = f.s.Prune(f.ctx, f.at(-time.Hour), 10)
			return err
		})
		if errAdd == nil {
			f.equal("length of the chain", len(f.chain(job)), 2)
			f.record(f.success(f.claimOne().Lease))
			continue
		}
		f.fails("AddAttempt", errAdd, store.ErrBadReference)
		_, err := f.s.Message(f.ctx, f.org, a.Message.ID)
		f.notFound("message", err)
		f.claimNone("after the chain was pruned")
	}
}

// Either the subscription is not found, or the deletion cancels the attempt.
func concurrentAddAndDelete(f *fixture) {
	e := f.addEvent()
	for range 20 {
		sub := f.subscribe()
		post := f.newPost(e)
		f.together(2, func(i int) error {
			if i == 0 {
				return f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil)
			}
			_, err := f.s.AddAttempt(f.ctx, f.org, sub.ID, post)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
		f.claimNone("after the deletion")
	}
}

// eitherOr does two things at once, of which one must fail in its way.
func (f *fixture) eitherOr(a func() error, failsA error, b func() error, failsB error) {
	f.t.Helper()
	var errA, errB error
	f.together(2, func(i int) error {
		if i == 0 {
			errA = a()
		} else {
			errB = b()
		}
		return nil
	})
	onlyA := errA == nil && errors.Is(errB, failsB)
	onlyB := errB == nil && errors.Is(errA, failsA)
	if !onlyA && !onlyB {
		f.t.Fatalf("got errors %v and %v, want either %v or %v", errA, errB, failsA, failsB)
	}
}
