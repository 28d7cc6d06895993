package storetest

import (
	"context"
	"time"

	"github.com/ecg-api/webhooks/store"
)

var transactionCases = []testCase{
	{"CommitMakesItVisibleAndClaimable", txCommit},
	{"RollbackStoresNothing", txRollback},
	{"CannotBeSeenBeforeCommit", txInvisible},
	{"DuplicateLeavesItUsable", txDuplicate},
	{"DuplicateWithinTheTx", txDuplicateInside},
	{"MismatchLeavesItUsable", txMismatch},
	{"HandOffIsIgnored", txHandOff},
	{"FindsEventTypes", txEventType},
	{"ForeignTxIsRefused", txForeign},
	{"EndedTxIsRefused", txEnded},
}

// begin starts a transaction, or skips the case.
func (f *fixture) begin() store.Tx {
	f.t.Helper()
	transactor := f.s.Abilities().Transactor
	if transactor == nil {
		f.t.Skip("the store has no Transactor")
	}
	tx := must(transactor.Begin(f.ctx))(f.t)
	f.t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func (f *fixture) publishTx(tx store.Tx, messages ...store.NewMessage) []store.Published {
	f.t.Helper()
	return must(f.s.Publish(f.ctx, tx, messages, f.options()))(f.t)
}

func txCommit(f *fixture) {
	e, sub := f.scene()
	tx := f.begin()
	a, b := f.newMessage(e), f.newMessage(e)
	f.equal("first result", f.publishTx(tx, a), []store.Published{{MessageID: a.ID, Deliveries: 1}})
	f.equal("second result", f.publishTx(tx, b), []store.Published{{MessageID: b.ID, Deliveries: 1}})
	f.check(tx.Commit())
	f.equal("message", must(f.s.Message(f.ctx, f.org, a.ID))(f.t), a.Message)
	f.equal("attempts", len(f.attempts(sub.ID)), 2)
	f.equal("claimed", len(f.claim(10)), 2)
}

func txRollback(f *fixture) {
	e, sub := f.scene()
	tx := f.begin()
	m := f.keyed(e, "key", "content")
	f.publishTx(tx, m)
	f.check(tx.Rollback())
	_, err := f.s.Message(f.ctx, f.org, m.ID)
	f.notFound("message", err)
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
	f.claimNone("after the rollback")
	f.equal("duplicate", f.publish(f.keyed(e, "key", "other"))[0].Duplicate, false)
}

func txInvisible(f *fixture) {
	e, _ := f.scene()
	tx := f.begin()
	m := f.newMessage(e)
	f.publishTx(tx, m)
	// A store with one connection cannot answer; one with more says not found.
	ctx, cancel := context.WithTimeout(f.ctx, time.Second)
	defer cancel()
	if _, err := f.s.Message(ctx, f.org, m.ID); err == nil {
		f.t.Fatal("the message can be read before the commit")
	}
	f.check(tx.Commit())
	must(f.s.Message(f.ctx, f.org, m.ID))(f.t)
}

func txDuplicate(f *fixture) {
	e, sub := f.scene()
	first := f.keyed(e, "key", "content")
	f.publish(first)
	tx := f.begin()
	before, beside, after := f.newMessage(e), f.newMessage(e), f.newMessage(e)
	f.publishTx(tx, before)
	f.equal("results", f.publishTx(tx, f.keyed(e, "key", "content"), beside), []store.Published{
		{MessageID: first.ID, Deliveries: 1, Duplicate: true},
		{MessageID: beside.ID, Deliveries: 1},
	})
	f.publishTx(tx, after)
	f.check(tx.Commit())
	f.equal("attempts", len(f.attempts(sub.ID)), 4)
}

func txDuplicateInside(f *fixture) {
	e, sub := f.scene()
	tx := f.begin()
	first := f.keyed(e, "key", "content")
	f.publishTx(tx, first)
	want := []store.Published{{MessageID: first.ID, Deliveries: 1, Duplicate: true}}
	f.equal("in the tx", f.publishTx(tx, f.keyed(e, "key", "content")), want)
	_, err := f.s.Publish(f.ctx, tx, []store.NewMessage{f.keyed(e, "key", "other")}, f.options())
	f.mismatch(err, 0)
	f.check(tx.Commit())
	f.equal("after it", f.publish(f.keyed(e, "key", "content")), want)
	f.equal("attempts", len(f.attempts(sub.ID)), 1)
}

func txMismatch(f *fixture) {
	e, sub := f.scene()
	f.publish(f.keyed(e, "key", "content"))
	tx := f.begin()
	before, beside, after := f.newMessage(e), f.keyed(e, "fresh", "content"), f.newMessage(e)
	f.publishTx(tx, before)
	_, err := f.s.Publish(f.ctx, tx, []store.NewMessage{beside, f.keyed(e, "key", "other")}, f.options())
	f.mismatch(err, 1)
	f.publishTx(tx, after)
	f.check(tx.Commit())
	must(f.s.Message(f.ctx, f.org, before.ID))(f.t)
	must(f.s.Message(f.ctx, f.org, after.ID))(f.t)
	_, err = f.s.Message(f.ctx, f.org, beside.ID)
	f.notFound("the message beside the mismatch", err)
	f.equal("attempts", len(f.attempts(sub.ID)), 3)
	f.equal("duplicate", f.publish(f.keyed(e, "fresh", "other"))[0].Duplicate, false)
}

func txHandOff(f *fixture) {
	e, _ := f.scene()
	tx := f.begin()
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(10), time.Hour
	got := must(f.s.Publish(f.ctx, tx, []store.NewMessage{f.newMessage(e)}, opts))(f.t)
	f.equal("jobs", len(got[0].Jobs), 0)
	f.check(tx.Commit())
	f.claimOne()
}

func txEventType(f *fixture) {
	e, _ := f.scene()
	tx := f.begin()
	f.equal("event type", must(f.s.EventTypeByCode(f.ctx, tx, e.Code, e.Version))(f.t), e)
	_, err := f.s.EventTypeByCode(f.ctx, tx, "unknown", "v1")
	f.notFound("EventTypeByCode", err)
	m := f.newMessage(e)
	f.publishTx(tx, m)
	f.check(tx.Commit())
	must(f.s.Message(f.ctx, f.org, m.ID))(f.t)
}

func txEnded(f *fixture) {
	e, sub := f.scene()
	for _, end := range []func(store.Tx) error{store.Tx.Commit, store.Tx.Rollback} {
		tx := f.begin()
		f.check(end(tx))
		_, err := f.s.Publish(f.ctx, tx, []store.NewMessage{f.newMessage(e)}, f.options())
		f.fails("Publish", err, store.ErrTxEnded)
		_, err = f.s.EventTypeByCode(f.ctx, tx, e.Code, e.Version)
		f.fails("EventTypeByCode", err, store.ErrTxEnded)
	}
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
}

// A foreignTx belongs to no store.
type foreignTx struct{}

func (foreignTx) Commit() error   { return nil }
func (foreignTx) Rollback() error { return nil }

func txForeign(f *fixture) {
	e, sub := f.scene()
	m := f.newMessage(e)
	_, err := f.s.Publish(f.ctx, foreignTx{}, []store.NewMessage{m}, f.options())
	f.fails("Publish", err, store.ErrForeignTx)
	_, err = f.s.EventTypeByCode(f.ctx, foreignTx{}, e.Code, e.Version)
	f.fails("EventTypeByCode", err, store.ErrForeignTx)
	_, err = f.s.Message(f.ctx, f.org, m.ID)
	f.notFound("message", err)
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
}
