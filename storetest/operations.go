package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var operationsCases = []testCase{
	{"LayoutHasTheDayOfEachMessage", layoutDays},
	{"LayoutCountsRunningErasures", layoutErasures},
	{"SeenHostsHasAHostThatBeats", seenHosts},
	{"TrafficCountsThePeriod", trafficPeriod},
	{"TrafficNamesTheOrganizationsWithTheMostFailures", trafficFailures},
	{"TrafficSaysThatItsBoundEndedACount", trafficCapped},
	{"BacklogsAreTheLargestFirst", backlogsLargest},
	{"BacklogsLeaveOutAttemptsThatAreBeingSent", backlogsSending},
	{"BacklogsSayThatTheirBoundEndedTheCount", backlogsCapped},
	{"UnhealthyHasFailingAndInactiveSubscriptions", unhealthyKinds},
	{"UnhealthyLeavesOutArchivedAndDeletedSubscriptions", unhealthyGone},
	{"UnhealthyIsPagedFromTheNewest", unhealthyPages},
	{"RecoveryJobsAreThoseOfAllOrganizations", recoveryJobs},
	{"NextSecretKeySkipsEqualPrefixes", nextSecretKey},
}

func (f *fixture) operations() store.Operations {
	f.t.Helper()
	o := f.s.Abilities().Operations
	if o == nil {
		f.t.Skip("the store has no Operations")
	}
	return o
}

// inOrganization runs a function with another organization as the fixture's.
func (f *fixture) inOrganization(org uuid.UUID, do func()) {
	own := f.org
	f.org = org
	do()
	f.org = own
}

func layoutDays(f *fixture) {
	e, _ := f.scene()
	now := time.Now() // f.now, a minute ago, may be of a day without a partition
	f.publish(f.newMessageAt(e, now))
	l := must(f.operations().Layout(f.ctx))(f.t)
	today := now.UTC().Truncate(24 * time.Hour)
	if l.Kind == "" || l.Version != l.Newest || l.FirstDay.After(today) || l.LastDay.Before(today) || l.Bytes < 0 {
		f.t.Errorf("%+v, want the day %v", l, today)
	}
}

func layoutErasures(f *fixture) {
	f.operations()
	f.scene()
	running := func() int { return must(f.operations().Layout(f.ctx))(f.t).RunningErasures }
	f.equal("at first", running(), 0)
	e := f.startErasure()
	f.equal("while one runs", running(), 1)
	f.erase(e, 100)
	f.equal("after it", running(), 0)
}

func seenHosts(f *fixture) {
	o := f.operations()
	f.join()
	second := f.join()
	hosts := must(o.SeenHosts(f.ctx, 10))(f.t)
	if hosts == nil {
		return // the store keeps no record of hosts
	}
	if len(hosts) != 2 || hosts[0].Number != second || hosts[0].Dead || hosts[0].Silent < 0 {
		f.t.Errorf("%+v, want 2 hosts and %d first", hosts, second)
	}
	f.equal("at most one", len(must(o.SeenHosts(f.ctx, 1))(f.t)), 1)
}

func (f *fixture) traffic(since time.Time, most int) store.Traffic {
	f.t.Helper()
	return must(f.operations().Traffic(f.ctx, since, most))(f.t)
}

func trafficPeriod(f *fixture) {
	f.equal("of an empty store", f.traffic(f.now, 10), store.Traffic{})
	e, _ := f.scene()
	f.publish(f.newMessageAt(e, f.at(-30*time.Minute))) // its attempt ends in the period
	f.publishN(e, 3)
	jobs := f.claim(10)
	f.record(f.success(jobs[0].Lease), f.failure(jobs[1].Lease, f.later()), f.cancellation(jobs[2].Lease))
	want := store.Traffic{
		Published: 3, Succeeded: 1, Failed: 1, MostFailures: []store.OrganizationCount{{OrganizationID: f.org, Count: 1}},
	}
	f.equal("traffic", f.traffic(f.now, 100), want)
	want.Published, want.Succeeded = 0, 0
	f.equal("after the success", f.traffic(f.at(2500*time.Millisecond), 100), want)
	f.equal("after all of it", f.traffic(f.at(time.Minute), 100), store.Traffic{})
	f.equal("long after", f.traffic(f.at(2*time.Hour), 100), store.Traffic{})
}

func trafficFailures(f *fixture) {
	f.operations()
	e, _ := f.scene()
	want := []store.OrganizationCount{
		{OrganizationID: uuid.New(), Count: 3}, {OrganizationID: uuid.New(), Count: 2}, {OrganizationID: f.org, Count: 1},
	}
	for _, c := range want {
		f.inOrganization(c.OrganizationID, func() {
			if c.Count > 1 {
				f.subscribe(only(e))
			}
			f.failN(e, c.Count)
		})
	}
	f.equal("the most failures", f.traffic(f.now, 100).MostFailures, want)
	for range store.MostFailures {
		f.inOrganization(uuid.New(), func() {
			f.subscribe(only(e))
			f.failN(e, 4)
		})
	}
	got := f.traffic(f.now, 100).MostFailures
	if len(got) != store.MostFailures || got[store.MostFailures-1].Count != 4 {
		f.t.Errorf("%+v", got)
	}
}

func trafficCapped(f *fixture) {
	e, _ := f.scene()
	f.failN(e, 5)
	if got := f.traffic(f.now, 3); !got.Capped || got.Published != 3 || got.Failed != 3 {
		f.t.Errorf("with a bound of 3: %+v", got)
	}
	if got := f.traffic(f.at(time.Minute), 3); got.Capped {
		f.t.Errorf("of a period that the bound covers: %+v", got)
	}
}

func backlogsLargest(f *fixture) {
	e, one := f.scene()
	two := f.subscribe(only(e))
	f.publishN(e, 3)
	other := uuid.New()
	var three store.Subscription
	f.inOrganization(other, func() {
		three = f.subscribe(only(e))
		f.publishN(e, 4)
	})
	b := must(f.operations().Backlogs(f.ctx, 10, 100))(f.t)
	for _, list := range [][]store.Backlog{b.Organizations, b.Subscriptions} {
		for i := range list {
			if list[i].OldestDue <= 0 {
				f.t.Errorf("%+v is not due", list[i])
			}
			list[i].OldestDue = 0
		}
	}
	f.equal("organizations", b.Organizations, []store.Backlog{{OrganizationID: f.org, Waiting: 6}, {OrganizationID: other, Waiting: 4}})
	f.equal("subscriptions", b.Subscriptions, []store.Backlog{
		{OrganizationID: other, SubscriptionID: three.ID, Waiting: 4},
		{OrganizationID: f.org, SubscriptionID: one.ID, Waiting: 3},
		{OrganizationID: f.org, SubscriptionID: two.ID, Waiting: 3},
	})
	f.equal("capped", b.Capped, false)
	b = must(f.operations().Backlogs(f.ctx, 1, 100))(f.t)
	f.equal("at most one organization", len(b.Organizations), 1)
	f.equal("at most one subscription", len(b.Subscriptions), 1)
}

func backlogsSending(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 4)
	jobs := f.claim(4) // of which 2 stay leased
	f.sameIDs("lost", must(f.s.Defer(f.ctx, []store.Deferral{
		{Lease: jobs[0].Lease, DueAt: f.at(time.Hour), Held: true}, {Lease: jobs[1].Lease, DueAt: f.at(time.Hour)},
	}))(f.t), nil)
	b := must(f.operations().Backlogs(f.ctx, 10, 100))(f.t)
	f.equal("backlogs", b, store.Backlogs{
		Organizations: []store.Backlog{{OrganizationID: f.org, Waiting: 2, Held: 1}},
		Subscriptions: []store.Backlog{{OrganizationID: f.org, SubscriptionID: sub.ID, Waiting: 2, Held: 1}},
	})
}

func backlogsCapped(f *fixture) {
	e, _ := f.scene()
	f.publishN(e, 5)
	b := must(f.operations().Backlogs(f.ctx, 10, 3))(f.t)
	f.equal("capped", b.Capped, true)
	f.equal("waiting", b.Organizations[0].Waiting, 3)
}

// everyKind is a query for all unhealthy subscriptions.
var everyKind = store.UnhealthyQuery{Failing: true, Paused: true, Disabled: true, Take: 10, MaxTotal: 100}

func (f *fixture) unhealthy(q store.UnhealthyQuery) []uuid.UUID {
	f.t.Helper()
	list := must(f.operations().Unhealthy(f.ctx, q))(f.t)
	ids := make([]uuid.UUID, len(list.Items))
	for i, item := range list.Items {
		ids[i] = item.ID
	}
	return ids
}

func unhealthyKinds(f *fixture) {
	e, healthy := f.scene()
	failing, paused, disabled := f.subscribe(only(e)), f.subscribe(only(e)), f.subscribe(only(e))
	health := store.Health{Failures: 11, Since: f.now, Probes: 1, ProbeAt: f.at(time.Minute)}
	f.setHealth(failing.ID, health)
	f.setHealth(healthy.ID, store.Health{Failures: 3, Since: f.now})
	f.setActive(paused.ID, false)
	f.update(disabled.ID, func(s *store.Subscription) {
		s.Active, s.ActiveChangedAt, s.InactiveReason = false, f.at(time.Second), "410 Gone"
	})
	f.setHealth(disabled.ID, store.Health{Failures: 40, Since: f.now, ProbeAt: f.now})

	list := must(f.operations().Unhealthy(f.ctx, everyKind))(f.t)
	want := make([]store.Target, 3)
	for i, id := range []uuid.UUID{disabled.ID, paused.ID, failing.ID} {
		s := f.subscription(id)
		want[i] = store.Target{Health: f.health(id), Subscription: store.Subscription{
			ID: id, OrganizationID: f.org, PostURI: s.PostURI, InactiveReason: s.InactiveReason, Lifecycle: s.Lifecycle,
		}}
	}
	f.equal("list", list, store.List[store.Target]{Items: want, Total: 3})
	f.equal("the health", list.Items[2].Health, health)
	for _, c := range []struct {
		q    store.UnhealthyQuery
		want uuid.UUID
	}{
		{store.UnhealthyQuery{Failing: true}, failing.ID},
		{store.UnhealthyQuery{Paused: true}, paused.ID},
		{store.UnhealthyQuery{Disabled: true}, disabled.ID},
	} {
		c.q.Take, c.q.MaxTotal = 10, 100
		f.sameIDs("of one kind", f.unhealthy(c.q), []uuid.UUID{c.want})
	}
	f.sameIDs("of no kind", f.unhealthy(store.UnhealthyQuery{Take: 10, MaxTotal: 100}), nil)
}

func unhealthyGone(f *fixture) {
	e, deleted := f.scene()
	archived, failing := f.subscribe(only(e)), f.subscribe(only(e))
	f.setActive(deleted.ID, false)
	f.setActive(archived.ID, false)
	f.setHealth(failing.ID, store.Health{Failures: 11, Since: f.now, ProbeAt: f.now})
	f.equal("before", len(f.unhealthy(everyKind)), 3)
	f.setArchived(archived.ID, true)
	f.setArchived(failing.ID, true)
	f.delete(deleted)
	list := must(f.operations().Unhealthy(f.ctx, everyKind))(f.t)
	f.equal("items", len(list.Items), 0)
	f.equal("total", list.Total, 0)
}

func unhealthyPages(f *fixture) {
	e, first := f.scene()
	all := []uuid.UUID{first.ID}
	for i := range 5 {
		f.inOrganization(uuid.New(), func() {
			s := f.subscribe(only(e))
			all = append([]uuid.UUID{s.ID}, all...)
			if i%2 == 0 {
				f.setHealth(s.ID, store.Health{Failures: 11, Since: f.now, ProbeAt: f.now})
			} else {
				f.setActive(s.ID, false)
			}
		})
	}
	f.setActive(first.ID, false)
	q := everyKind
	q.Take = 2
	for from := 0; from < len(all); from += 2 {
		f.equal("page", f.unhealthy(q), all[from:from+2])
		q.After = all[from+1]
	}
	f.equal("behind the last page", len(f.unhealthy(q)), 0)
	q.After, q.MaxTotal = uuid.Nil, 4
	f.equal("total", must(f.operations().Unhealthy(f.ctx, q))(f.t).Total, 4)
	q.Take = 0
	f.equal("of no items", len(f.unhealthy(q)), 0)
}

func recoveryJobs(f *fixture) {
	o := f.operations()
	e, sub := f.scene()
	f.failN(e, 1)
	first, second := f.newRecovery(sub, store.RecoverFailed), f.newRecovery(sub, store.RecoverFailed)
	f.check(f.s.CreateRecovery(f.ctx, first))
	f.check(f.s.CreateRecovery(f.ctx, second))
	var third store.Recovery
	f.inOrganization(uuid.New(), func() {
		third = f.newRecovery(f.subscribe(only(e)), store.RecoverFailed)
		f.check(f.s.CreateRecovery(f.ctx, third))
	})
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, second.ID, f.at(time.Minute)))
	second = f.recovery(second)
	all := store.RecoveryQuery{Take: 10, MaxTotal: 100}
	list := must(o.RecoveryJobs(f.ctx, all))(f.t)
	f.equal("all", list, store.List[store.Recovery]{Items: []store.Recovery{third, second, first}, Total: 3})
	list = must(o.RecoveryJobs(f.ctx, store.RecoveryQuery{State: store.OnlyStoppedRecoveries, Take: 10, MaxTotal: 100}))(f.t)
	f.equal("stopped", list, store.List[store.Recovery]{Items: []store.Recovery{second}, Total: 1})
	list = must(o.RecoveryJobs(f.ctx, store.RecoveryQuery{After: third.ID, Take: 1, MaxTotal: 2}))(f.t)
	f.equal("a page", list, store.List[store.Recovery]{Items: []store.Recovery{second}, Total: 2})
}

func nextSecretKey(f *fixture) {
	next := func(from string) string { return string(must(f.operations().NextSecretKey(f.ctx, []byte(from)))(f.t)) }
	f.equal("of an empty store", next(""), "")
	for _, key := range []string{"\x01bbbbbbbb-2", "\x00clear", "\x01aaaaaaaa-1", "\x01aaaaaaaa-2"} {
		f.withKey(uuid.New(), key)
	}
	f.equal("from the beginning", next(""), "\x00clear")
	if got := next("\x01"); got != "\x01aaaaaaaa-1" && got != "\x01aaaaaaaa-2" {
		f.t.Errorf("next is %q", got)
	}
	f.equal("behind a prefix", next("\x01aaaaaaab"), "\x01bbbbbbbb-2")
	f.equal("behind all", next("\x02"), "")
}
