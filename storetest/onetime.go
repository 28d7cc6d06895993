package storetest

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var oneTimeCases = []testCase{
	{"OneOfConcurrentCallsIsFirst", oneTimeRace},
	{"IdIsUsedAfterItsFirstUse", oneTimeUsed},
	{"IdStaysUsedAfterItsTimeUntilItIsPruned", oneTimeExpired},
	{"PruneRemovesExpiredIdsUpToMax", oneTimePruned},
	{"LaterUseKeepsTheTimeAndStoresNoEntry", oneTimeAgain},
}

// use uses an id, and demands that it is the first use, or that it is not.
func (f *fixture) use(id uuid.UUID, until time.Time, first bool) {
	f.t.Helper()
	f.equal("first", must(f.s.UseOnce(f.ctx, id, until))(f.t), first)
}

func (f *fixture) used(ids ...uuid.UUID) []uuid.UUID {
	f.t.Helper()
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return !must(f.s.Used(f.ctx, id))(f.t) })
}

func oneTimeRace(f *fixture) {
	for range 5 {
		id, firsts := f.id(), atomic.Int32{}
		f.together(20, func(int) error {
			first, err := f.s.UseOnce(f.ctx, id, f.at(time.Minute))
			if first {
				firsts.Add(1)
			}
			return err
		})
		f.equal("first uses", firsts.Load(), int32(1))
	}
}

func oneTimeUsed(f *fixture) {
	a, b := f.id(), f.id()
	f.sameIDs("used before", f.used(a, b), nil)
	f.use(a, f.at(time.Minute), true)
	f.use(a, f.at(time.Minute), false)
	f.sameIDs("used", f.used(a, b), []uuid.UUID{a})
	f.use(b, f.at(time.Minute), true)
	f.sameIDs("used at the end", f.used(a, b), []uuid.UUID{a, b})
}

func oneTimeExpired(f *fixture) {
	a := f.id()
	f.use(a, f.at(-time.Hour), true)
	f.use(a, f.at(time.Hour), false)
	f.sameIDs("used", f.used(a), []uuid.UUID{a})
	f.equal("pruned", must(f.s.PruneUsed(f.ctx, f.now, 10))(f.t), 1)
	f.sameIDs("used after the pruning", f.used(a), nil)
}

func oneTimePruned(f *fixture) {
	var old []uuid.UUID
	for range 5 {
		old = append(old, f.id())
		f.use(old[len(old)-1], f.at(-time.Hour), true)
	}
	kept := f.id()
	f.use(kept, f.now, true)
	for _, want := range []int{2, 2, 1, 0} {
		f.equal("pruned", must(f.s.PruneUsed(f.ctx, f.now, 2))(f.t), want)
	}
	f.sameIDs("used", f.used(append(old, kept)...), []uuid.UUID{kept})
}

func oneTimeAgain(f *fixture) {
	id := f.id()
	f.use(id, f.at(-time.Hour), true)
	first, err := f.s.UseOnce(f.audited(f.newEntry(f.now)), id, f.at(time.Hour))
	f.check(err)
	f.equal("first", first, false)
	f.equal("entries", len(f.trail(store.AuditQuery{})), 0)
	f.equal("pruned", must(f.s.PruneUsed(f.ctx, f.now, 10))(f.t), 1)
}
