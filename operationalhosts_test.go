package webhooks_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// pair is two hosts on one PostgreSQL, with operational events. The first one is that of operational.
type pair struct {
	*operational
	hosts [2]*webhooks.Webhooks

	notes   sync.Mutex
	health  map[uuid.UUID]chan store.Health // as the hosts stored it, by subscription
	meeting meeting
}

// meeting holds the requests to brokenURL, once it is called, until each host makes one.
type meeting struct {
	mu    sync.Mutex
	begun *sync.WaitGroup // nil if it is not called
}

func newPair(t *testing.T, operator uuid.UUID) *pair {
	t.Helper()
	p := &pair{
		operational: &operational{answer: map[string]int{}, told: map[string][]toldOf{}},
		health:      map[uuid.UUID]chan store.Health{},
	}
	schema := testpg.Schema(t)
	for i, st := range [...]*bunstore.Store{p.open(t, schema), p.open(t, schema)} { // both stop before the tables are dropped
		hooks, err := webhooks.New(healthNotes{st, p}, webhooks.Config{
			Sender: hostSender{p}, RetrySchedule: []time.Duration{time.Hour},
			OperationalEvents: webhooks.OperationalEvents{Enabled: true, Operator: operator},
		})
		check(err)
		if p.hosts[i] = hooks; i == 0 {
			check(st.Migrate(t.Context()))
			p.world = &world{t: t, Webhooks: hooks, store: st, org: uuid.New()}
			p.category, err = hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
			check(err)
			p.typ = p.newType("vitals.observation.created", "v1")
		}
		check(hooks.Dispatcher.Start(t.Context()))
		t.Cleanup(func() { check(hooks.Dispatcher.Stop(context.Background())) })
	}
	return p
}

// open opens a store with a pool of its own.
func (p *pair) open(t *testing.T, schema string) *bunstore.Store {
	t.Helper()
	st, err := postgres.Open(t.Context(), testpg.DSN(t), postgres.Options{Options: bunstore.Options{Schema: schema}})
	check(err)
	t.Cleanup(func() {
		_, err := st.DB().ExecContext(context.Background(), `DROP SCHEMA IF EXISTS "`+schema+`" CASCADE`)
		check(errors.Join(err, st.Close()))
	})
	return st.Store
}

// hostSender is the sender of one host.
type hostSender struct{ *pair }

// Post implements [webhooks.Sender].
func (s hostSender) Post(ctx context.Context, r guard.Request) guard.Result {
	if r.URL.String() == brokenURL {
		s.meeting.join()
	}
	return s.operational.Post(ctx, r)
}

func (m *meeting) join() {
	m.mu.Lock()
	begun := m.begun
	m.mu.Unlock()
	if begun != nil {
		begun.Done()
		begun.Wait()
	}
}

// call holds the next requests to brokenURL until as many are under way.
func (m *meeting) call(requests int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun = new(sync.WaitGroup)
	m.begun.Add(requests)
}

// healthNotes is a store that tells the test of each health that it stores.
type healthNotes struct {
	store.Store
	p *pair
}

func (s healthNotes) UpdateHealth(ctx context.Context, subs []uuid.UUID, update func(uuid.UUID, *store.Health)) error {
	after := map[uuid.UUID]store.Health{}
	err := s.Store.UpdateHealth(ctx, subs, func(id uuid.UUID, h *store.Health) {
		update(id, h)
		after[id] = *h
	})
	if err == nil {
		for id, h := range after {
			s.p.of(id) <- h
		}
	}
	return err
}

func (p *pair) of(sub uuid.UUID) chan store.Health {
	p.notes.Lock()
	defer p.notes.Unlock()
	if p.health[sub] == nil {
		p.health[sub] = make(chan store.Health, 1000)
	}
	return p.health[sub]
}

// next waits for the next health of an endpoint.
func (p *pair) next(sub webhooks.Subscription) store.Health {
	p.t.Helper()
	select {
	case h := <-p.of(sub.ID):
		return h
	case <-time.After(time.Minute):
		p.t.Fatalf("no attempt at %s ended", sub.PostURI)
		return store.Health{}
	}
}

// messages returns the messages of an organization by event type.
func (p *pair) messages(org uuid.UUID) map[string][]webhooks.MessageSummary {
	p.t.Helper()
	list, err := p.Dispatcher.Messages(p.t.Context(), org, webhooks.Page{Take: 100})
	p.must(err)
	by := map[string][]webhooks.MessageSummary{}
	for _, m := range list.Items {
		by[m.Type] = append(by[m.Type], m)
	}
	return by
}

// retryUntil retries the delivery of a message by both hosts in turn, until the health of the endpoint is wanted.
func (p *pair) retryUntil(sub webhooks.Subscription, message uuid.UUID, wanted func(store.Health) bool) {
	p.t.Helper()
	attempts := p.attempts(sub) // the oldest first
	first := attempts[slices.IndexFunc(attempts, func(a webhooks.Attempt) bool { return a.MessageID == message })]
	for i := 0; ; i++ {
		_, err := p.hosts[i%2].Dispatcher.Retry(p.t.Context(), sub.OrganizationID, sub.ID, first.ID)
		p.must(err)
		h := p.next(sub)
		for !h.ProbeUntil.IsZero() { // a probe began
			h = p.next(sub)
		}
		if wanted(h) {
			return
		}
	}
}

// failOn publishes by both hosts in turn until an endpoint failed a number of times.
func (p *pair) failOn(sub webhooks.Subscription, times int) {
	p.t.Helper()
	for i := 0; ; i++ {
		_, err := p.hosts[i%2].Dispatcher.Publish(p.t.Context(), p.org, event("1"))
		p.must(err)
		if p.next(sub).Failures == times {
			return
		}
	}
}

// openTogether lets an attempt of each host fail at once, and so open the circuit.
func (p *pair) openTogether(sub webhooks.Subscription) {
	p.t.Helper()
	p.meeting.call(len(p.hosts))
	for _, host := range p.hosts {
		_, err := host.Dispatcher.Publish(p.t.Context(), p.org, event("1"))
		p.must(err)
	}
	for range p.hosts {
		if h := p.next(sub); h.Failures != delivery.CircuitAfter || h.Stage != store.StageOpen {
			p.t.Fatalf("the health of the endpoint is %+v", h)
		}
	}
}

// Both hosts see the failure that opens the circuit. The endpoints that are told fail, too, until their own circuits open.
func TestHostsOnOneDatabaseTellOfAnOpenCircuitOnce(t *testing.T) {
	t.Parallel()
	const failing, opened = "webhooks.endpoint.failing", "webhooks.endpoint.circuit_opened"
	operator := uuid.New()
	p := newPair(t, operator)
	broken := p.listen(p.org, brokenURL, "vitals.*")
	told := []webhooks.Subscription{p.listen(p.org, alertURL, "webhooks.*"), p.listen(operator, operatorURL, "webhooks.*")}
	for _, url := range []string{brokenURL, alertURL, operatorURL} {
		p.setAnswer(url, http.StatusServiceUnavailable)
	}
	p.failOn(broken, delivery.FailingAfter)
	for _, sub := range told {
		p.next(sub)
	}
	p.failOn(broken, delivery.CircuitAfter-1)
	p.openTogether(broken)
	for _, sub := range told {
		message := p.messages(sub.OrganizationID)[opened]
		if len(message) != 1 {
			t.Fatalf("%s has %d events %s, want 1", sub.PostURI, len(message), opened)
		}
		p.next(sub)
		p.retryUntil(sub, message[0].ID, func(h store.Health) bool { return h.Failures == delivery.CircuitAfter })
		p.setAnswer(sub.PostURI, 0)
		p.retryUntil(sub, message[0].ID, func(h store.Health) bool { return h.Failures == 0 })
		got := p.wantNews(sub.PostURI, "endpoint.circuit_opened")[0].Data
		if got.OrganizationID != p.org || got.SubscriptionID != broken.ID || got.Failures != delivery.CircuitAfter {
			t.Errorf("%s was told %+v", sub.PostURI, got)
		}
	}
	for _, sub := range told {
		by := p.messages(sub.OrganizationID)
		delete(by, p.typ.Code)
		if len(by) != 2 || len(by[failing]) != 1 || len(by[opened]) != 1 {
			t.Errorf("%s: the organization has events of %v, want one %s and one %s, about the broken endpoint",
				sub.PostURI, by, failing, opened)
		}
	}
}
