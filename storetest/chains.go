package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Random operations have the effects that the functions of package store describe.
var chainCases = func() (cases []testCase) {
	for seed := range uint64(4) {
		cases = append(cases, testCase{fmt.Sprintf("FollowTheRulesOfPackageStore%d", seed+1), func(f *fixture) { chainsFollow(f, seed) }})
	}
	return cases
}()

func chainsFollow(f *fixture, seed uint64) {
	m := newChainModel(f, seed)
	operations := []func(*chainModel) string{
		(*chainModel).publish, (*chainModel).claim, (*chainModel).claim, (*chainModel).claim,
		(*chainModel).recordOutcomes, (*chainModel).recordOutcomes, (*chainModel).recordOutcomes,
		(*chainModel).deferLeases, (*chainModel).recordLost, (*chainModel).release,
		(*chainModel).addAttempt, (*chainModel).addAttempt, (*chainModel).addAttempt, (*chainModel).begin,
		(*chainModel).reportOutcome, (*chainModel).change, (*chainModel).recover,
	}
	var done []string
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.t.Logf("after %v", done)
		}
	})
	for i := range 100 {
		do := one(m, operations...)
		if i%30 == 29 {
			do = (*chainModel).delete
		}
		done = append(done, do(m))
		m.check()
	}
}

// publish publishes a message, and hands off some of its attempts.
func (m *chainModel) publish() string {
	n := m.newMessage(m.event)
	n.OrderingKey = one(m, "", "a", "b")
	opts := m.options()
	opts.HandOff, opts.Lease = func(uuid.UUID, uuid.UUID) bool { return m.chance(3) }, time.Hour
	result := must(m.s.Publish(m.ctx, nil, []store.NewMessage{n}, opts))(m.t)[0]
	m.published = append(m.published, n.Message)
	for _, sub := range m.subs {
		if !sub.Live() {
			continue
		}
		fresh := m.unknown(sub.ID)
		m.equal("new attempts", len(fresh), 1)
		first := store.NewAttempt{ID: fresh[0].ID, Type: store.FirstPost, At: n.CreatedAt, By: n.CreatedBy}
		m.add(store.Chain{}.NewAttempt(first, n.Message, sub.ID), n.OrderingKey, true)
	}
	for _, j := range result.Jobs {
		m.equal("sequence of a job that was handed off", m.find(j.AttemptID).delivery.sequence, "")
		m.send(j.Lease)
	}
	return "publish"
}

func (m *chainModel) claim() string {
	want, most := m.claimable(), one(m, 1, 3, 100)
	jobs := m.fixture.claim(most)
	m.equal("claimed", len(jobs), min(most, len(want)))
	for _, j := range jobs {
		if !slices.Contains(want, j.AttemptID) {
			m.t.Fatalf("attempt %s was claimed, want %d of %v", j.AttemptID, most, want)
		}
		m.equal("step of a job", j.Step, m.find(j.AttemptID).Step)
		m.send(j.Lease)
	}
	return fmt.Sprint("claim ", most)
}

// someLeases ends some leases by chance, in an order by chance.
func (m *chainModel) someLeases() []store.Lease {
	leases := slices.Clone(m.leases)
	m.rand.Shuffle(len(leases), func(i, j int) { leases[i], leases[j] = leases[j], leases[i] })
	leases = leases[:m.rand.IntN(len(leases)+1)]
	for _, l := range leases {
		m.endLease(l.AttemptID)
	}
	return leases
}

// next returns an automatic retry, or nil.
func (m *chainModel) next() *store.Next {
	if m.chance(3) {
		return nil
	}
	at, _ := m.when()
	return &store.Next{ID: m.id(), DueAt: at, KeepStep: m.chance(2)}
}

func (m *chainModel) recordOutcomes() string {
	var outcomes []store.Outcome
	for _, l := range m.someLeases() {
		outcomes = append(outcomes, one(m, m.success(l), m.failure(l, m.next()), m.failure(l, m.next()), m.cancellation(l)))
	}
	m.record(outcomes...)
	for _, o := range outcomes {
		a := m.find(o.AttemptID)
		m.follow(a.delivery.chain.Record(a.Attempt, o), o.Next)
	}
	return fmt.Sprintf("record %d", len(outcomes))
}

// follow adds the automatic retry; nil for none.
func (m *chainModel) follow(retry *store.Attempt, next *store.Next) {
	if retry != nil {
		m.add(*retry, "", next.DueAt.Before(m.at(time.Minute)))
	}
}

// recordLost records an outcome with a lease that ended early, which changes nothing.
func (m *chainModel) recordLost() string {
	if len(m.lost) == 0 {
		return "nothing"
	}
	l := one(m, m.lost...)
	lost := must(m.s.Record(m.ctx, []store.Outcome{m.failure(l, m.next())}))(m.t)
	m.sameIDs("lost", lost, []uuid.UUID{l.AttemptID})
	return "record a lost lease"
}

func (m *chainModel) deferLeases() string {
	var deferrals []store.Deferral
	for _, l := range m.someLeases() {
		at, due := m.when()
		d := store.Deferral{Lease: l, DueAt: at, Held: m.chance(2)}
		deferrals = append(deferrals, d)
		m.lost = append(m.lost, l)
		a := m.find(l.AttemptID)
		a.Status, a.due = store.Pending, due
		switch {
		case d.Held && m.ended(a.SubscriptionID):
			a.due = true
		case d.Held:
			a.HeldUntil = at
		}
	}
	m.sameIDs("lost", must(m.s.Defer(m.ctx, deferrals))(m.t), nil)
	return fmt.Sprintf("defer %d", len(deferrals))
}

// addAttempt retries an attempt, sometimes with a message of its own.
func (m *chainModel) addAttempt() string {
	a := m.some()
	for tries := 0; a != nil && !a.Status.Finished() && tries < 5; tries++ {
		a = m.some()
	}
	if a == nil {
		return "nothing"
	}
	n := m.newRetry(a.ID)
	n.At, _ = m.when()
	n.Type, n.External = one(m, store.ManualRetry, store.AutomaticRetry), m.chance(3)
	message := m.messageOf(a)
	if m.chance(3) {
		message = m.newMessage(m.event).Message
		message.SubscriptionID = a.SubscriptionID
		n.Message = &message
	}
	_, err := m.s.AddAttempt(m.ctx, m.org, a.SubscriptionID, n)
	if !a.Status.Finished() {
		m.fails("retry of an attempt without outcome", err, store.ErrNotFinished)
		return "retry in vain"
	}
	m.fixture.check(err)
	added := a.delivery.chain.NewAttempt(n, message, a.SubscriptionID)
	for _, former := range a.delivery.chain {
		if former.Withdrawable() {
			a.delivery.chain.Cancel(former, n.At, n.By)
		}
	}
	m.add(added, "", true)
	return fmt.Sprintf("retry of type %d", n.Type)
}

// messageOf returns the message of an attempt, as far as a new attempt shows it.
func (m *chainModel) messageOf(a *modelAttempt) store.Message {
	return store.Message{ID: a.MessageID, OrganizationID: a.OrganizationID, EventTypeID: a.EventTypeID, Body: a.Body, Source: a.Source}
}

// begin adds an attempt that begins a delivery.
func (m *chainModel) begin() string {
	n, sub := m.newPost(m.event), one(m, m.subs...)
	n.At, _ = m.when()
	n.Message.OrderingKey = one(m, "a", "b")
	n.Type, n.External = one(m, store.FirstPost, store.TestPost), m.chance(3)
	m.fixture.add(sub.ID, n)
	m.add(store.Chain{}.NewAttempt(n, *n.Message, sub.ID), n.Message.OrderingKey, true)
	return fmt.Sprintf("begin with type %d", n.Type)
}

// ended reports whether a subscription was deleted or is archived.
func (m *chainModel) ended(id uuid.UUID) bool {
	return !slices.ContainsFunc(m.subs, func(s *store.Subscription) bool { return s.ID == id && !s.Archived })
}

func (m *chainModel) reportOutcome() string {
	a := m.some()
	if a == nil {
		return "nothing"
	}
	r := m.newReport(one(m, store.Succeeded, store.Failed))
	r.Next, r.PostedAt = m.next(), one(m, time.Time{}, m.at(11*time.Second))
	if r.Next == nil {
		r.Advice = one(m, time.Time{}, m.at(time.Hour))
	}
	was := a.Status
	m.report(a.SubscriptionID, a.ID, r)
	m.lost = append(m.lost, m.endLease(a.ID)...)
	m.follow(a.delivery.chain.Report(a.Attempt, *r), r.Next)
	return fmt.Sprintf("report of a %s attempt", was)
}

func (m *chainModel) release() string {
	sub := one(m, m.subs...)
	m.fixture.check(m.s.Release(m.ctx, sub.ID))
	m.apply(sub.ID, store.QueueChange{ReleaseHeld: true})
	return "release"
}

// apply applies the effect of a change of the subscription to its pending attempts.
func (m *chainModel) apply(sub uuid.UUID, change store.QueueChange) {
	for _, a := range m.attempts {
		if a.SubscriptionID != sub || a.Status != store.Pending || a.External {
			continue
		}
		switch {
		case change.Cancel:
			a.delivery.chain.Cancel(a.Attempt, m.now, "")
		case change.Release || change.ReleaseHeld && !a.HeldUntil.IsZero():
			a.due, a.HeldUntil = true, time.Time{}
		}
	}
}

// change switches a subscription on or off, archives or restores it, moves it, or changes
// whether it is ordered.
func (m *chainModel) change() string {
	sub := one(m, m.subs...)
	former := *sub
	*sub = m.update(sub.ID, func(s *store.Subscription) {
		switch m.rand.IntN(6) {
		case 0:
			s.Archived = !s.Archived
		case 1:
			s.PostURI += "/moved"
		case 2:
			s.Ordered = !s.Ordered
		case 3:
			s.Active, s.Archived = true, false
		default:
			s.Active = !s.Active
		}
	})
	effect := store.QueueChangeOf(former, *sub)
	m.apply(sub.ID, effect)
	return fmt.Sprintf("change with effect %+v", effect)
}

func (m *chainModel) delete() string {
	if len(m.subs) == 1 {
		return "nothing"
	}
	i := m.rand.IntN(len(m.subs))
	sub := m.subs[i]
	m.fixture.check(m.s.DeleteSubscription(m.ctx, m.org, sub.ID, m.now, nil))
	m.subs = slices.Delete(m.subs, i, i+1)
	m.apply(sub.ID, store.QueueChange{Cancel: true})
	return "delete"
}

// recover runs a recovery to its end.
func (m *chainModel) recover() string {
	sub := one(m, m.subs...)
	r := m.newRecovery(*sub, one(m, store.RecoverFailed, store.RecoverMissed, store.RecoverAll))
	failed, missed := m.recoverable(r, sub)
	m.fixture.recover(r, len(failed)+len(missed))
	m.advance(one(m, 1, 100))
	if sub.Archived {
		m.equal("state", m.recovery(r).State, store.RecoveryStopped)
		return "recover in vain"
	}
	opts := m.steps(0)
	for _, a := range m.unknown(sub.ID) {
		n := store.NewAttempt{ID: a.ID, Type: store.FirstPost, At: opts.At, By: r.CreatedBy}
		if i := slices.IndexFunc(failed, func(d *modelDelivery) bool { return d.chain[0].ID == a.DeliveryID }); i >= 0 {
			latest := m.find(failed[i].chain.Latest().ID)
			n.Type, n.RetryOf = store.ManualRetry, latest.ID
			m.add(failed[i].chain.NewAttempt(n, m.messageOf(latest), sub.ID), "", true)
			failed = slices.Delete(failed, i, i+1)
		} else if i := slices.IndexFunc(missed, func(p store.Message) bool { return p.ID == a.MessageID }); i >= 0 {
			m.add(store.Chain{}.NewAttempt(n, missed[i], sub.ID), missed[i].OrderingKey, true)
			missed = slices.Delete(missed, i, i+1)
		} else {
			m.fixture.check(errors.New("a recovery added an attempt for a delivery that did not fail, or a message that was not missed"))
		}
	}
	m.equal("not recovered", len(failed)+len(missed), 0)
	return "recover"
}

// recoverable returns the deliveries and messages that a recovery is about.
func (m *chainModel) recoverable(r store.Recovery, sub *store.Subscription) (failed []*modelDelivery, missed []store.Message) {
	got := map[uuid.UUID]bool{}
	for _, d := range m.deliveries {
		if d.chain[0].SubscriptionID != sub.ID {
			continue
		}
		got[d.chain[0].MessageID] = true
		if r.Scope != store.RecoverMissed && r.Retries(d.chain) {
			failed = append(failed, d)
		}
	}
	for _, p := range m.published {
		if r.Scope != store.RecoverFailed && !got[p.ID] && r.Posts(p, *sub) {
			missed = append(missed, p)
		}
	}
	return failed, missed
}
