package storetest

import (
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var idempotencyCases = []testCase{
	{"SameKeyGetsTheFirstResult", keySame},
	{"KeysAreCaseSensitive", keyCase},
	{"OtherContentFailsAndStoresNothing", keyMismatch},
	{"KeysBelongToTheirOrganization", keyOrganization},
	{"KeysAreForgottenAfterTheWindow", keyForgotten},
	{"DuplicatesDoNotProlongTheWindow", keyNotProlonged},
	{"ConcurrentPublishesStoreOne", keyConcurrent},
	{"ConcurrentBatchesInAnyOrder", keyConcurrentBatches},
}

func keySame(f *fixture) {
	e, sub := f.scene()
	first := f.keyed(e, "key", "content")
	f.publish(first)
	f.subscribe(only(e)) // does not count: the result is the first one's
	again, other := f.keyed(e, "key", "content"), f.keyed(e, "another", "content")
	f.equal("results", f.publish(again, other), []store.Published{
		{MessageID: first.ID, Deliveries: 1, Duplicate: true},
		{MessageID: other.ID, Deliveries: 2},
	})
	_, err := f.s.Message(f.ctx, f.org, again.ID)
	f.notFound("the duplicate", err)
	f.equal("attempts", len(f.attempts(sub.ID)), 2)
}

func keyCase(f *fixture) {
	e := f.addEvent()
	f.publish(f.keyed(e, "key", "content"))
	f.equal("duplicate", f.publish(f.keyed(e, "KEY", "other"))[0].Duplicate, false)
}

func keyMismatch(f *fixture) {
	e, sub := f.scene()
	f.publish(f.keyed(e, "key", "content"))
	fresh, again, wrong := f.keyed(e, "fresh", "content"), f.keyed(e, "key", "content"), f.newMessage(e)
	f.publish(f.keyed(e, "key2", "content"))
	wrong.IdempotencyKey, wrong.Fingerprint = "key2", []byte("Content")
	_, err := f.s.Publish(f.ctx, nil, []store.NewMessage{fresh, again, wrong, f.newMessage(e)}, f.options())
	f.mismatch(err, 2)
	_, err = f.s.Message(f.ctx, f.org, fresh.ID)
	f.notFound("a message beside the wrong one", err)
	f.equal("attempts", len(f.attempts(sub.ID)), 2)
	f.equal("duplicate", f.publish(f.keyed(e, "fresh", "other"))[0].Duplicate, false)
}

// mismatch demands an IdempotencyError with an index.
func (f *fixture) mismatch(err error, index int) {
	f.t.Helper()
	f.fails("Publish", err, store.ErrIdempotencyMismatch)
	var mismatch *store.IdempotencyError
	if !errors.As(err, &mismatch) {
		f.t.Fatalf("got error %v, want an *IdempotencyError", err)
	}
	f.equal("index", mismatch.Index, index)
}

func keyOrganization(f *fixture) {
	e := f.addEvent()
	own, other := f.keyed(e, "key", "content"), f.keyed(e, "key", "other content")
	other.OrganizationID = uuid.New()
	f.publish(own)
	f.equal("result", f.publish(other), []store.Published{{MessageID: other.ID}})
	// The key is in use in both organizations now.
	for _, first := range []store.NewMessage{own, other} {
		again := first
		again.ID = f.id()
		f.equal("result of a duplicate", f.publish(again), []store.Published{{MessageID: first.ID, Duplicate: true}})
	}
	mine, theirs := f.keyed(e, "new", "content"), f.keyed(e, "new", "content")
	theirs.OrganizationID = other.OrganizationID
	f.equal("results", f.publish(mine, theirs), []store.Published{{MessageID: mine.ID}, {MessageID: theirs.ID}})
}

func keyForgotten(f *fixture) {
	e, _ := f.scene()
	first := f.keyed(e, "key", "content")
	f.publish(first)
	opts := f.options()
	opts.KeysSince = first.CreatedAt // used since then
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.keyed(e, "key", "content")}, opts))(f.t)
	f.equal("duplicate at the boundary", got[0].Duplicate, true)

	second := f.newMessageAt(e, f.at(time.Second))
	second.IdempotencyKey, second.Fingerprint = "key", []byte("other content")
	opts.KeysSince = first.CreatedAt.Add(time.Millisecond)
	got = must(f.s.Publish(f.ctx, nil, []store.NewMessage{second}, opts))(f.t)
	f.equal("after the window", got, []store.Published{{MessageID: second.ID, Deliveries: 1}})
	// From now on the key means the second message.
	third := f.keyed(e, "key", "other content")
	got = must(f.s.Publish(f.ctx, nil, []store.NewMessage{third}, opts))(f.t)
	f.equal("duplicate of the second", got, []store.Published{{MessageID: second.ID, Deliveries: 1, Duplicate: true}})
}

func keyNotProlonged(f *fixture) {
	e := f.addEvent()
	f.publish(f.keyed(e, "key", "content"))
	again := f.newMessageAt(e, f.at(time.Minute))
	again.IdempotencyKey, again.Fingerprint = "key", []byte("content")
	f.equal("duplicate", f.publish(again)[0].Duplicate, true)
	opts := f.options()
	opts.KeysSince = f.at(time.Second)
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{again}, opts))(f.t)
	f.equal("after the window", got, []store.Published{{MessageID: again.ID}})
}

func keyConcurrent(f *fixture) {
	e, sub := f.scene()
	var mu sync.Mutex
	var results []store.Published
	f.together(32, func(int) error {
		got, err := f.s.Publish(f.ctx, nil, []store.NewMessage{f.keyed(e, "key", "content")}, f.options())
		mu.Lock()
		defer mu.Unlock()
		results = append(results, got...)
		return err
	})
	f.equal("results", len(results), 32)
	attempts := f.attempts(sub.ID)
	f.equal("attempts", len(attempts), 1)
	firsts := 0
	for _, r := range results {
		if !r.Duplicate {
			firsts++
		}
		r.Duplicate = false
		f.equal("result", r, store.Published{MessageID: attempts[0].MessageID, Deliveries: 1})
	}
	f.equal("results that are no duplicates", firsts, 1)
}

// Two batches with the same keys in opposite order must not wait for each other.
func keyConcurrentBatches(f *fixture) {
	e, sub := f.scene()
	f.together(8, func(i int) error {
		batch := []store.NewMessage{f.keyed(e, "a", "1"), f.keyed(e, "b", "2"), f.keyed(e, "c", "3")}
		if i%2 == 1 {
			batch[0], batch[2] = batch[2], batch[0]
		}
		_, err := f.s.Publish(f.ctx, nil, batch, f.options())
		return err
	})
	f.equal("attempts", len(f.attempts(sub.ID)), 3)
}
