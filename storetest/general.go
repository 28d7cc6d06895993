package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/ecg-api/webhooks/store"
)

var generalCases = []testCase{
	{"PingAnswers", generalPing},
	{"DurableDoesNotChange", generalDurable},
	{"AbilitiesAreAnnounced", generalAbilities},
	{"DecoratorsKeepTheAbilities", generalDecorator},
	{"NotifierWakesWhenWorkIsAdded", generalNotifier},
	{"NotifierEndsWithItsContext", generalNotifierEnds},
}

func generalPing(f *fixture) {
	f.check(f.s.Ping(f.ctx))
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	if err := f.s.Ping(ctx); err == nil {
		f.t.Fatal("Ping with a cancelled context: no error")
	}
}

func generalDurable(f *fixture) {
	was := f.s.Durable()
	f.scene()
	f.equal("durable", f.s.Durable(), was)
}

func generalAbilities(f *fixture) {
	a := f.s.Abilities()
	f.equal("abilities", abilities(f.s), abilities(f.s))
	if _, ok := f.s.(store.Notifier); ok && a.Notifier == nil {
		f.t.Error("the store has the method Listen, and no Notifier in its Abilities")
	}
	if _, ok := f.s.(store.Maintainer); ok && a.Maintainer == nil {
		f.t.Error("the store has the method Maintain, and no Maintainer in its Abilities")
	}
	if _, ok := f.s.(store.Transactor); ok && a.Transactor == nil {
		f.t.Error("the store has the method Begin, and no Transactor in its Abilities")
	}
	if _, ok := f.s.(store.Hosts); ok && a.Hosts == nil {
		f.t.Error("the store has the method Beat, and no Hosts in its Abilities")
	}
	if _, ok := f.s.(store.Operations); ok && a.Operations == nil {
		f.t.Error("the store has the method Unhealthy, and no Operations in its Abilities")
	}
}

// abilities returns the names of a store's abilities.
func abilities(s store.Store) (names []string) {
	a := s.Abilities()
	for name, present := range map[string]bool{
		"Maintainer": a.Maintainer != nil, "Notifier": a.Notifier != nil, "Transactor": a.Transactor != nil,
		"Hosts": a.Hosts != nil, "Measurer": a.Measurer != nil, "Operations": a.Operations != nil,
	} {
		if present {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func generalDecorator(f *fixture) {
	inner := f.s
	f.s = struct{ store.Store }{inner}
	f.equal("abilities", abilities(f.s), abilities(inner))
	if inner.Abilities().Transactor == nil {
		return
	}
	e, _ := f.scene()
	tx := f.begin()
	f.publishTx(tx, f.newMessage(e))
	f.check(tx.Commit())
	f.claimOne()
}

// notifier returns the store as one, or skips the case.
func (f *fixture) notifier() store.Notifier {
	f.t.Helper()
	n := f.s.Abilities().Notifier
	if n == nil {
		f.t.Skip("the store has no Notifier")
	}
	return n
}

func generalNotifier(f *fixture) {
	notifier := f.notifier()
	e, sub := f.scene()
	done := f.queue(e)
	f.record(f.failure(done.Lease, nil))
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	woken, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = notifier.Listen(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	wakes := func(what string, do func()) {
		f.t.Helper()
		f.eventually(what+" wakes", func() bool { // it may not be listening yet, the first time
			do()
			select {
			case <-woken:
				return true
			case <-time.After(100 * time.Millisecond):
				return false
			}
		})
	}
	wakes("the beginning of Listen", func() {})
	wakes("Publish", func() { f.publish(f.newMessage(e)) })
	jobs := f.claim(1000)
	wakes("Retry", func() { f.retry(done) })
	wakes("AddAttempt with a message", func() {
		f.add(sub.ID, f.newPost(e))
		jobs = append(jobs, f.claim(1000)...)
	})
	wakes("Report with a next attempt", func() {
		job := f.queue(e)
		f.drain(woken) // wakes of publishing
		r := f.newReport(store.Failed)
		r.Next = f.next()
		f.report(sub.ID, job.AttemptID, r)
		jobs = append(jobs, f.claim(1000)...)
	})
	wakes("AdvanceRecovery", func() {
		f.record(f.failure(f.queue(e).Lease, nil))
		f.drain(woken) // wakes of publishing
		f.check(f.s.CreateRecovery(f.ctx, f.newRecovery(sub, store.RecoverFailed)))
		f.advance(10)
		jobs = append(jobs, f.claim(1000)...)
	})
	wakes("Defer", func() {
		f.deferTo(f.now, jobs...)
		jobs = f.claim(1000)
	})
	wakes("Record with a next attempt", func() {
		job := f.queue(e)
		f.drain(woken) // wakes of publishing
		f.record(f.failure(job.Lease, f.next()))
		f.claim(10)
	})
	f.deferTo(f.at(time.Hour), f.queue(e)) // something that waits
	wakes("becoming live", func() {
		f.setActive(sub.ID, false)
		f.drain(woken)
		f.setActive(sub.ID, true)
	})
	cancel()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		f.t.Fatal("Listen did not return")
	}
}

// drain forgets earlier wakes. A wake that comes later makes a case weaker, not wrong.
func (f *fixture) drain(woken <-chan struct{}) {
	select {
	case <-woken:
	default:
	}
}

func generalNotifierEnds(f *fixture) {
	notifier := f.notifier()
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = notifier.Listen(ctx, func() {})
	}()
	f.eventually("Listen returns", func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
}
