package storetest

import "time"

var maintainCases = []testCase{
	{"MayBeCalledByAllAtOnce", maintainTogether},
	{"LeavesEverythingAsItIs", maintainLeaves},
}

// maintain calls Maintain as several hosts do, or skips the case.
func (f *fixture) maintain(at time.Time) {
	f.t.Helper()
	m := f.s.Abilities().Maintainer
	if m == nil {
		f.t.Skip("the store has no Maintainer")
	}
	f.together(4, func(int) error { return m.Maintain(f.ctx, at) })
}

func maintainTogether(f *fixture) {
	for range 3 {
		f.maintain(f.now)
	}
	e, _ := f.scene()
	for weeks := range 3 {
		f.maintain(f.now.AddDate(0, 0, 7*weeks))
		f.record(f.success(f.queue(e).Lease))
	}
}

func maintainLeaves(f *fixture) {
	e, sub := f.scene()
	f.finished(e, f.at(-3*time.Hour), f.at(-2*time.Hour))
	f.publish(f.newMessageAt(e, f.at(-time.Hour)))
	want := f.attempts(sub.ID)
	f.maintain(f.at(30 * 24 * time.Hour))
	f.equal("attempts", f.attempts(sub.ID), want)
	f.record(f.success(f.claimOne().Lease))
	f.prune(f.now, 10, 3)
}
