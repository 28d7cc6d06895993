package webhookstest

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

// TB is the part of testing.TB that the package needs.
type TB interface {
	// Helper marks the caller, so that a failure names the line of the test.
	Helper()
	// Errorf fails the test, which goes on.
	Errorf(format string, args ...any)
	// Fatalf fails the test and ends it.
	Fatalf(format string, args ...any)
	// Cleanup calls f when the test ends.
	Cleanup(f func())
	// Context ends just before the functions of Cleanup are called.
	Context() context.Context
}

// Kit is the library for one test: a dispatcher that runs, and endpoints that it delivers to.
type Kit struct {
	Hooks *webhooks.Webhooks // for the service under test
	Store webhooks.Store     // of Hooks; it records what [Kit.PublishedTx] returns
	Clock *Clock             // the time of everything that waits in the library

	t        TB
	network  *network
	outboxes *txRecorder

	mu       sync.Mutex
	category *webhooks.Category // of all event types; nil before the first one
}

// An Option changes what [New] makes.
type Option func(*settings)

type settings struct {
	config      webhooks.Config
	store       webhooks.Store
	clock       *Clock
	packageTime bool
	http        bool
}

// WithConfig changes the configuration of the library. Clock and Sender are the kit's. The default of PollInterval is 1 h
// if the clock stands still.
func WithConfig(change func(*webhooks.Config)) Option {
	return func(s *settings) { change(&s.config) }
}

// WithSchedule replaces the retry schedule. Default: the schedule of the configuration.
func WithSchedule(waits ...time.Duration) Option {
	return WithConfig(func(c *webhooks.Config) { c.RetrySchedule = waits })
}

// WithStore replaces the store in memory. The kit then follows package time, as with [PackageTime], unless there is
// [WithClock] too. The schema of a database must be there already. Default: a new memstore.Store.
func WithStore(st webhooks.Store) Option { return func(s *settings) { s.store = st } }

// WithClock makes the kit follow the clock, for a store of [WithStore] that follows it too. Default: a clock that shows
// the present time.
func WithClock(c *Clock) Option { return func(s *settings) { s.clock = c } }

// PackageTime makes the kit follow package time: for a testing/synctest bubble, where the test moves the time with
// time.Sleep.
func PackageTime() Option { return func(s *settings) { s.packageTime = true } }

// OverHTTP makes each endpoint an HTTP server on loopback. Not for a testing/synctest bubble. Default: in memory.
func OverHTTP() Option { return func(s *settings) { s.http = true } }

// New returns a kit whose dispatcher runs. It is stopped at the end of the test.
func New(t TB, options ...Option) *Kit {
	t.Helper()
	var s settings
	for _, o := range options {
		o(&s)
	}
	if s.config.Clock != nil || s.config.Sender != nil {
		t.Fatalf("webhookstest: WithConfig must not set Clock or Sender; see WithClock and Subscribe")
	}
	k := &Kit{t: t, Clock: s.theClock(t)}
	if s.store == nil {
		s.store = memstore.New(memstore.WithClock(k.Clock))
	}
	k.outboxes = &txRecorder{Store: s.store}
	k.Store = k.outboxes
	if s.http {
		s.config.AllowHTTP = true
		s.config.AllowNetworks = append(s.config.AllowNetworks, netip.MustParsePrefix("127.0.0.0/8"))
	}
	k.network = newNetwork(k.Clock, s)
	s.config.Clock, s.config.Sender = k.Clock, k.network
	if k.Clock.manual { // the store wakes the dispatcher in time, and so does each move of the clock
		s.config.PollInterval = cmp.Or(s.config.PollInterval, time.Hour)
	}
	hooks, err := webhooks.New(k.Store, s.config)
	k.must(err)
	k.Hooks, k.Clock.wake = hooks, hooks.Dispatcher.Wake
	k.must(hooks.Dispatcher.Start(context.WithoutCancel(t.Context())))
	t.Cleanup(k.stop)
	return k
}

// theClock returns the clock of the kit.
func (s *settings) theClock(t TB) *Clock {
	switch {
	case s.clock != nil:
		return s.clock
	case s.packageTime || s.store != nil:
		return &Clock{t: t}
	}
	return NewClock(t, time.Now())
}

// stop ends the dispatcher and the endpoints, which let requests hang no longer.
func (k *Kit) stop() {
	k.network.close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := k.Hooks.Dispatcher.Stop(ctx); err != nil {
		k.t.Errorf("webhookstest: the dispatcher did not stop: %v", err)
	}
	k.network.closeIdle()
}

func (k *Kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatalf("webhookstest: %v", err)
	}
}

// EventType adds an event type of version v1 to the catalogue, with the JSON Schema of its data if there is one.
func (k *Kit) EventType(code string, schema ...string) webhooks.EventType {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx := k.t.Context()
	if k.category == nil {
		c, err := k.Hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "webhookstest", Code: "webhookstest"})
		k.must(err)
		k.category = &c
	}
	in := webhooks.EventTypeInput{Name: code, Code: code, Version: "v1"}
	if len(schema) > 0 {
		in.Schema = []byte(schema[0])
	}
	e, err := k.Hooks.Registry.CreateEventType(ctx, k.category.ID, in)
	k.must(err)
	return e
}

// Subscribe adds a subscription of the organization to event types, by their codes or a pattern such as "order.*" or
// "*", and returns its endpoint, which answers 200 and verifies each signature. Change may be used to set more of the
// subscription: a filter, an order, a rate, a retry schedule.
func (k *Kit) Subscribe(org uuid.UUID, events string, change ...func(*webhooks.SubscriptionInput)) *Receiver {
	k.t.Helper()
	r := k.Receiver()
	in := webhooks.SubscriptionInput{PostURI: r.URL, Events: strings.Fields(events), IsDevelopment: k.network.client != nil}
	for _, f := range change {
		f(&in)
	}
	sub, _, err := k.Hooks.Subscriptions.Create(k.t.Context(), org, in)
	k.must(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Subscription = sub
	return r
}

// Receiver returns an endpoint without a subscription, for a service under test that makes subscriptions itself: give it
// the URL, and tell the endpoint the secret with [Receiver.Trust].
func (k *Kit) Receiver() *Receiver {
	k.t.Helper()
	r := &Receiver{kit: k, plan: []behaviour{{status: 200}}, arrived: make(chan struct{})}
	k.must(k.network.add(r))
	return r
}

// WaitIdle waits until the dispatcher is idle: no attempt is due at the present time of the clock, in flight, or not yet
// recorded. It does not move the clock. It fails the test, and says what still waits, if that needs the clock to move, or
// takes longer than 10 s of package time. Attempts that wait for a later time, as retries do, are not due.
func (k *Kit) WaitIdle(t TB) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		k.Hooks.Dispatcher.Wake()
		k.Clock.settle(t)
		before := k.Clock.beginnings()
		waits := k.waiting()
		switch {
		case len(waits) == 0:
			return
		case k.Clock.manual:
			t.Fatalf("webhookstest: WaitIdle: the dispatcher is not idle, and nothing more happens until the clock moves:\n\t%s",
				strings.Join(waits, "\n\t"))
		case !k.Clock.await(&k.Clock.stir, timer.C, func() bool { return k.Clock.begun != before }):
			t.Fatalf("webhookstest: WaitIdle: the dispatcher is not idle after %v:\n\t%s", patience, strings.Join(waits, "\n\t"))
		}
	}
}

// waiting says why the dispatcher is not idle, one line each.
func (k *Kit) waiting() (lines []string) {
	in := k.Hooks.Dispatcher.Inspect()
	if !in.Running {
		lines = append(lines, "the dispatcher does not run")
	}
	if in.StoreAway {
		lines = append(lines, "the store does not answer")
	}
	if in.Recording > 0 {
		lines = append(lines, fmt.Sprintf("%d attempts are not recorded", in.Recording))
	}
	for _, s := range in.Subscriptions {
		if s.InFlight > 0 {
			lines = append(lines, fmt.Sprintf("subscription %s: %d attempts in flight, %d wait for them",
				k.network.name(s.ID), s.InFlight, s.Waiting))
		}
	}
	return lines
}
