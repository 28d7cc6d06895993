package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A chainModel holds the attempts that a store must have after random operations, by the
// rules of package store.
type chainModel struct {
	*fixture
	rand       *rand.Rand
	event      store.EventType
	subs       []*store.Subscription // without the deleted subscriptions
	published  []store.Message
	deliveries []*modelDelivery
	attempts   []*modelAttempt // in the order in which they were added
	leases     []store.Lease   // of the attempts that are being sent
	lost       []store.Lease   // that ended early
}

type modelDelivery struct {
	chain    store.Chain
	sequence string // names the sequence; "" for none
}

type modelAttempt struct {
	*store.Attempt
	delivery *modelDelivery
	due      bool // or not before an hour has passed
}

func newChainModel(f *fixture, seed uint64) *chainModel {
	m := &chainModel{fixture: f, rand: rand.New(rand.NewPCG(seed, 0)), event: f.addEvent()}
	for i := range 3 {
		sub := f.newSubscription(only(m.event))
		sub.Ordered = i > 0
		f.create(sub)
		m.subs = append(m.subs, &sub)
	}
	return m
}

// one returns one of the things by chance.
func one[T any](m *chainModel, things ...T) T { return things[m.rand.IntN(len(things))] }

// chance reports true once in n times.
func (m *chainModel) chance(n int) bool { return m.rand.IntN(n) == 0 }

// when returns a time that has passed, or one that is an hour away.
func (m *chainModel) when() (at time.Time, due bool) {
	if m.chance(3) {
		return m.at(time.Hour), false
	}
	return m.at(time.Second), true
}

// add adds an attempt to its chain.
func (m *chainModel) add(a store.Attempt, orderingKey string, due bool) {
	added := &modelAttempt{Attempt: &a, due: due}
	if a.Number == 1 {
		added.delivery = &modelDelivery{}
		if a.InSequence(m.subscriptionOf(&a).Ordered) {
			added.delivery.sequence = a.SubscriptionID.String() + orderingKey
		}
		m.deliveries = append(m.deliveries, added.delivery)
	} else {
		added.delivery = m.find(a.DeliveryID).delivery
	}
	added.delivery.chain = append(added.delivery.chain, &a)
	m.attempts = append(m.attempts, added)
}

// find returns the attempt with the id, or nil.
func (m *chainModel) find(id uuid.UUID) *modelAttempt {
	for _, a := range m.attempts {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// subscriptionOf returns the attempt's subscription; nil if it is deleted.
func (m *chainModel) subscriptionOf(a *store.Attempt) *store.Subscription {
	for _, sub := range m.subs {
		if sub.ID == a.SubscriptionID {
			return sub
		}
	}
	return nil
}

// some returns an attempt by chance of a subscription that is not deleted, mostly of one of the
// latest deliveries, so that chains grow; nil if there is none.
func (m *chainModel) some() *modelAttempt {
	reachable := slices.DeleteFunc(slices.Clone(m.deliveries), func(d *modelDelivery) bool { return m.subscriptionOf(d.chain[0]) == nil })
	if len(reachable) == 0 {
		return nil
	}
	if !m.chance(4) {
		reachable = reachable[max(0, len(reachable)-4):]
	}
	return m.find(one(m, one(m, reachable...).chain...).ID)
}

// unknown returns attempts of the subscription that the store has and the model does not.
func (m *chainModel) unknown(sub uuid.UUID) []store.Attempt {
	return slices.DeleteFunc(m.fixture.attempts(sub), func(a store.Attempt) bool { return m.find(a.ID) != nil })
}

// claimable returns the attempts that a claim may return.
func (m *chainModel) claimable() []uuid.UUID {
	sequences := map[string]store.Sequence{}
	for _, a := range m.attempts {
		if key := a.delivery.sequence; key != "" && a.Queued() {
			sequences[key] = sequences[key].With(a.Attempt)
		}
	}
	var ids []uuid.UUID
	for _, a := range m.attempts {
		waits := a.delivery.sequence != "" && a.Queued() && !sequences[a.delivery.sequence].HasTurn(a.Attempt)
		if a.Queued() && a.Status == store.Pending && a.due && !waits {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// send makes an attempt leased.
func (m *chainModel) send(l store.Lease) {
	a := m.find(l.AttemptID)
	m.equal("number of a job", l.Number, a.Number)
	a.Status, a.HeldUntil = store.Sending, time.Time{}
	m.leases = append(m.leases, l)
}

// endLease removes the lease on an attempt, if there is one, and returns it.
func (m *chainModel) endLease(attempt uuid.UUID) (ended []store.Lease) {
	m.leases = slices.DeleteFunc(m.leases, func(l store.Lease) bool {
		if l.AttemptID == attempt {
			ended = append(ended, l)
		}
		return l.AttemptID == attempt
	})
	return ended
}

// check compares the lists of the store with the model.
func (m *chainModel) check() {
	m.t.Helper()
	for _, sub := range m.subs {
		var attempts []store.Attempt
		for _, a := range m.attempts {
			if a.SubscriptionID == sub.ID {
				attempts = append(attempts, *a.Attempt)
			}
		}
		var deliveries []store.Delivery
		for _, d := range m.deliveries {
			if d.chain[0].SubscriptionID == sub.ID {
				deliveries = append(deliveries, d.chain.Delivery())
			}
		}
		sortByID(attempts, func(a store.Attempt) uuid.UUID { return a.ID })
		sortByID(deliveries, func(d store.Delivery) uuid.UUID { return d.ID })
		got := m.fixture.attempts(sub.ID)
		for i := range min(len(got), len(attempts)) {
			alignHeld(&got[i], &attempts[i])
		}
		m.equal("attempts", got, attempts)
		listed := must(m.s.Deliveries(m.ctx, m.history(sub.ID)))(m.t).Items
		for i := range min(len(listed), len(deliveries)) {
			alignHeld(&listed[i].Attempt, &deliveries[i].Attempt)
		}
		m.equal("deliveries", listed, deliveries)
		m.checkFiltered(sub.ID, attempts, deliveries)
	}
	m.checkTallies()
}

// checkFiltered compares lists for a query by chance with the rule of the query.
func (m *chainModel) checkFiltered(sub uuid.UUID, attempts []store.Attempt, deliveries []store.Delivery) {
	m.t.Helper()
	q := m.history(sub)
	q.Status = one(m, store.AnyStatus, store.AnyStatus, store.OnlySucceeded, store.OnlyFailed, store.OnlyPending)
	q.Class = one(m, store.AnyClass, store.NoResponse, store.Class2xx, store.Class3xx, store.Class4xx, store.Class5xx)
	q.EventTypeID = one(m, uuid.Nil, uuid.Nil, m.event.ID, m.id())
	border := func() time.Time {
		if len(attempts) == 0 || m.chance(2) {
			return time.Time{}
		}
		return time.Unix(one(m, attempts...).ID.Time().UnixTime()).Add(one(m, 0, time.Millisecond, time.Microsecond, -time.Nanosecond))
	}
	q.Since, q.Until = border(), border()
	attempts = slices.DeleteFunc(attempts, func(a store.Attempt) bool { return !q.Keeps(&a) })
	deliveries = slices.DeleteFunc(deliveries, func(d store.Delivery) bool { return !q.Keeps(&d.Attempt) })
	attemptID := func(a store.Attempt) uuid.UUID { return a.ID }
	deliveryID := func(d store.Delivery) uuid.UUID { return d.ID }
	name := fmt.Sprintf("filtered by status %d, class %d, type %s, since %v, until %v", q.Status, q.Class, q.EventTypeID, q.Since, q.Until)
	gotAttempts := must(m.s.Attempts(m.ctx, q))(m.t)
	m.sameIDs("attempts "+name, idsOf(gotAttempts.Items, attemptID), idsOf(attempts, attemptID))
	m.equal("total of attempts "+name, gotAttempts.Total, len(attempts))
	gotDeliveries := must(m.s.Deliveries(m.ctx, q))(m.t)
	m.sameIDs("deliveries "+name, idsOf(gotDeliveries.Items, deliveryID), idsOf(deliveries, deliveryID))
	m.equal("total of deliveries "+name, gotDeliveries.Total, len(deliveries))
}

// alignHeld lets two attempts be held until different times: the store's clock decides.
func alignHeld(got, want *store.Attempt) {
	if !got.HeldUntil.IsZero() && !want.HeldUntil.IsZero() {
		want.HeldUntil = got.HeldUntil
	}
}

// checkTallies compares the messages' tallies, which count deleted subscriptions too.
func (m *chainModel) checkTallies() {
	m.t.Helper()
	want := map[uuid.UUID]store.Tally{}
	for _, message := range m.published {
		want[message.ID] = store.Tally{}
	}
	for _, d := range m.deliveries {
		if tally, ok := want[d.chain[0].MessageID]; ok {
			tally.Add(d.chain.Status(), 1)
			want[d.chain[0].MessageID] = tally
		}
	}
	got := map[uuid.UUID]store.Tally{}
	for _, message := range m.messages().Items {
		got[message.ID] = message.Deliveries
	}
	m.equal("tallies", got, want)
}
