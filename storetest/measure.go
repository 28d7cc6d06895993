package storetest

import (
	"time"

	"github.com/ecg-api/webhooks/store"
)

var measureCases = []testCase{
	{"OfAnEmptyStoreIsZero", measureEmpty},
	{"CountsAttemptsByWhenTheyAreDue", measureQueue},
	{"EndsACountAtMost", measureMost},
	{"TellsHowLongTheOldestAttemptIsDue", measureOldest},
	{"CountsOpenCircuits", measureCircuits},
	{"CountsRunningRecoveries", measureRecoveries},
	{"ThePoolHasNoMoreConnectionsThanItsLimit", measurePool},
}

func (f *fixture) measurer() store.Measurer {
	f.t.Helper()
	m := f.s.Abilities().Measurer
	if m == nil {
		f.t.Skip("the store has no Measurer")
	}
	return m
}

// measure returns the counts, without the days, which each store has in its own way.
func (f *fixture) measure(most int) store.Measures {
	f.t.Helper()
	m := must(f.measurer().Measure(f.ctx, most))(f.t)
	if m.DaysAhead < -1 {
		f.t.Errorf("%d days ahead", m.DaysAhead)
	}
	m.DaysAhead = 0
	return m
}

func measureEmpty(f *fixture) { f.equal("measures", f.measure(10), store.Measures{}) }

func measureQueue(f *fixture) {
	e, _ := f.scene()
	f.publishN(e, 10)
	jobs := f.claim(10) // of which 1 stays leased
	var deferrals []store.Deferral
	for i, j := range jobs[1:] {
		d := store.Deferral{Lease: j.Lease, DueAt: f.at(time.Hour)}
		switch {
		case i < 2: // 2 are due
			d.DueAt = f.now
		case i < 5: // 3 are held
			d.Held = true
		case i == 5: // 1 was held, and is due
			d.DueAt, d.Held = f.now, true
		}
		deferrals = append(deferrals, d)
	}
	f.sameIDs("lost", must(f.s.Defer(f.ctx, deferrals))(f.t), nil)
	got := f.measure(100)
	got.OldestDue = 0
	f.equal("measures", got, store.Measures{Due: 3, Scheduled: 3, Held: 3, Sending: 1})
	f.record(f.failure(jobs[0].Lease, f.later()))
	f.equal("with a retry", f.measure(100).Scheduled, 4)
}

func measureMost(f *fixture) {
	e, _ := f.scene()
	f.publishN(e, 5)
	f.deferTo(f.at(time.Hour), f.claim(5)...)
	f.publishN(e, 5)
	got := f.measure(3)
	f.equal("due", got.Due, 3)
	f.equal("scheduled", got.Scheduled, 3)
}

func measureOldest(f *fixture) {
	e, _ := f.scene()
	began := time.Now()
	f.publishN(e, 2)
	f.eventually("the attempt ages", func() bool { return f.measure(10).OldestDue > 0 })
	if age := f.measure(10).OldestDue; age > time.Since(began)+time.Millisecond { // by the store's clock, in milliseconds
		f.t.Errorf("due for %v, published %v ago", age, time.Since(began))
	}
	f.claim(1)
	f.equal("with one of two leased, it ages", f.measure(10).OldestDue > 0, true)
	f.claim(1)
	f.equal("with both leased", f.measure(10), store.Measures{Sending: 2})
}

func measureCircuits(f *fixture) {
	e, a := f.scene()
	b, c := f.subscribe(only(e)), f.subscribe(only(e))
	f.setHealth(a.ID, store.Health{Failures: 11, Since: f.now, ProbeAt: f.at(time.Minute)})
	f.setHealth(b.ID, store.Health{Failures: 10, Since: f.now, ProbeAt: f.at(-time.Minute)})
	f.setHealth(c.ID, store.Health{Failures: 3, Since: f.now})
	f.equal("open circuits", f.measure(10).OpenCircuits, 2)
	f.equal("at most one", f.measure(1).OpenCircuits, 1)
	f.setHealth(b.ID, store.Health{})
	f.equal("after one closed", f.measure(10).OpenCircuits, 1)
}

func measureRecoveries(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 1)
	a, b := f.newRecovery(sub, store.RecoverFailed), f.newRecovery(sub, store.RecoverFailed)
	f.check(f.s.CreateRecovery(f.ctx, a))
	f.check(f.s.CreateRecovery(f.ctx, b))
	f.equal("running", f.measure(10).RunningRecoveries, 2)
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, a.ID, f.now))
	f.equal("after one was stopped", f.measure(10).RunningRecoveries, 1)
}

func measurePool(f *fixture) {
	p := f.measurer().Pool()
	if p.InUse < 0 || p.Idle < 0 || p.Limit > 0 && p.InUse+p.Idle > p.Limit || p.Waits < 0 || p.Waited < 0 {
		f.t.Errorf("%+v", p)
	}
}
