package webhookstest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/webhookstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a TB that keeps the failures instead of failing the test. Fatalf ends the goroutine.
type fake struct {
	*testing.T
	mu       sync.Mutex
	failures []string
}

func (f *fake) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fake) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(fatal{})
}

type fatal struct{}

// failure returns the failure of f.
func (f *fake) failure(do func()) (text string) {
	defer func() {
		if p := recover(); p != nil && p != (fatal{}) {
			panic(p)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		text, f.failures = strings.Join(f.failures, "\n"), nil
	}()
	do()
	return ""
}

func wantFailure(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("the failure does not say %q:\n%s", part, got)
		}
	}
	if got == "" {
		t.Error("no failure")
	}
}

func publish(t *testing.T, kit *webhookstest.Kit, org uuid.UUID, data any) {
	t.Helper()
	if _, err := kit.Hooks.Dispatcher.Publish(t.Context(), org, webhooks.Event{Type: "order.paid", Data: data}); err != nil {
		t.Fatal(err)
	}
}

func statuses(requests []webhookstest.Request) (out []int) {
	for _, r := range requests {
		out = append(out, r.Status)
	}
	return out
}

func wantStatuses(t *testing.T, r *webhookstest.Receiver, want ...int) {
	t.Helper()
	if got := statuses(r.Requests()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("answered %v, want %v", got, want)
	}
	if n := r.Verified(); n != len(want) {
		t.Errorf("%d signatures were verified, want %d", n, len(want))
	}
}

// eachKind runs a test in memory and over HTTP.
func eachKind(t *testing.T, test func(t *testing.T, kind ...webhookstest.Option)) {
	t.Helper()
	t.Run("InMemory", func(t *testing.T) {
		t.Parallel()
		test(t)
	})
	t.Run("OverHTTP", func(t *testing.T) {
		t.Parallel()
		test(t, webhookstest.OverHTTP())
	})
}

func TestAnOrderIsDeliveredAtTheThirdAttempt(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind ...webhookstest.Option) {
		kit, customer := webhookstest.New(t, kind...), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "order.*")
		receiver.Reply(500, 503, 200)
		publish(t, kit, customer, map[string]int{"amount": 4})
		kit.Clock.Advance(4*time.Second - 1) // the first retry waits 5 s ± 20 %
		wantStatuses(t, receiver, 500)
		kit.Clock.Advance(2*time.Second + 1)
		wantStatuses(t, receiver, 500, 503)
		kit.Clock.Advance(time.Hour)
		wantStatuses(t, receiver, 500, 503, 200)
		for n := 1; n <= 3; n++ {
			if got := receiver.Next(t.Context()); got.Attempt != n || got.Type != "order.paid" {
				t.Errorf("request %d is attempt %d of %s", n, got.Attempt, got.Type)
			}
		}
	})
}

func TestARequestThatHangsEndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind ...webhookstest.Option) {
		kit, customer := webhookstest.New(t, kind...), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "order.paid")
		receiver.Hang()
		publish(t, kit, customer, 1)
		kit.Clock.Advance(15*time.Second - 1)
		receiver.Reply(200)
		kit.Clock.Advance(2)
		if got := attempts(t, kit, receiver); got[0].Error != "timeout after 15s" || got[0].Status != webhooks.Failed {
			t.Errorf("the first attempt: %s %q", got[0].Status, got[0].Error)
		}
		kit.Clock.Advance(10 * time.Second)
		wantStatuses(t, receiver, 0, 200)
	})
}

func attempts(t *testing.T, kit *webhookstest.Kit, r *webhookstest.Receiver) []webhooks.Attempt {
	t.Helper()
	list, err := kit.Hooks.Subscriptions.Attempts(t.Context(), webhooks.HistoryQuery{
		OrganizationID: r.Subscription.OrganizationID, SubscriptionID: r.Subscription.ID, Page: webhooks.Page{Take: 1000},
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestAReceiverResetsConnectionsAndAsksForTime(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind ...webhookstest.Option) {
		kit, customer := webhookstest.New(t, kind...), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "order.paid")
		receiver.Reset()
		publish(t, kit, customer, 1)
		kit.WaitIdle(t)
		receiver.RetryAfter(10 * time.Minute)
		kit.Clock.Advance(6 * time.Second)
		receiver.Reply(200)
		kit.Clock.Advance(10*time.Minute - 3*time.Second)
		wantStatuses(t, receiver, 0, 429)
		kit.Clock.Advance(3 * time.Second)
		wantStatuses(t, receiver, 0, 429, 200)
		if got := attempts(t, kit, receiver); !strings.Contains(got[0].Error, "connection reset") {
			t.Errorf("the first attempt: %q", got[0].Error)
		}
	})
}

// Five days of failures: the retries of the first event end, the subscription is switched off, and the last events reach
// their deadline.
func TestFiveDaysPassInMilliseconds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	notices := map[webhooks.NoticeKind][]time.Time{}
	kit := webhookstest.New(t, webhookstest.WithConfig(func(c *webhooks.Config) {
		c.Observer = webhooks.ObserverFunc(func(n webhooks.Notice) {
			mu.Lock()
			defer mu.Unlock()
			notices[n.Kind] = append(notices[n.Kind], n.At)
		})
	}))
	customer, began := uuid.New(), kit.Clock.Now()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "*")
	receiver.Reply(500)
	for range 6 {
		publish(t, kit, customer, 1)
		kit.Clock.Advance(24 * time.Hour)
	}
	mu.Lock()
	defer mu.Unlock()
	if off := notices[webhooks.SubscriptionDeactivated]; len(off) != 1 || off[0].Sub(began) < 120*time.Hour ||
		off[0].Sub(began) > 121*time.Hour {
		t.Errorf("deactivated at %v, want once after 120 h", off)
	}
	if opened := notices[webhooks.CircuitOpened]; len(opened) != 1 {
		t.Errorf("the circuit opened %d times, want once", len(opened))
	}
	if ended := notices[webhooks.Exhausted]; len(ended) == 0 || ended[0].Sub(began) > 96*time.Hour {
		t.Errorf("deliveries ended at %v, want the first one at its deadline of 96 h", ended)
	}
	if n := len(receiver.Requests()); n < 20 || n != receiver.Verified() {
		t.Errorf("%d requests, %d of them verified", n, receiver.Verified())
	}
}

// The clock goes on only when everything that followed has been done, so each attempt has the time at which it was due.
func TestAdvanceRunsEverythingAtItsTime(t *testing.T) {
	t.Parallel()
	wait := 7 * time.Minute
	kit, customer := webhookstest.New(t, webhookstest.WithSchedule(wait, wait, wait)), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "*")
	receiver.Reply(500)
	publish(t, kit, customer, 1)
	kit.Clock.Advance(24 * time.Hour)
	all := attempts(t, kit, receiver)
	if len(all) != 4 {
		t.Fatalf("%d attempts, want 4", len(all))
	}
	for i, a := range all[1:] {
		if due := all[i].NextRetryAt; !a.PostedAt.Equal(due) {
			t.Errorf("attempt %d was due at %v and posted at %v", a.Number, due, a.PostedAt)
		}
	}
}

func TestRecordsExpireByTheClock(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t), uuid.New()
	kit.EventType("order.paid")
	kit.Subscribe(customer, "*")
	publish(t, kit, customer, 1)
	kit.Clock.Advance(30 * 24 * time.Hour)
	if n := len(webhookstest.Published(t, kit.Hooks, customer)); n != 1 {
		t.Errorf("%d messages after 30 days, want 1", n)
	}
	kit.Clock.Advance(25 * time.Hour)
	if n := len(webhookstest.Published(t, kit.Hooks, customer)); n != 0 {
		t.Errorf("%d messages a day later, want 0", n)
	}
}

func TestRotatedSecretsAreVerified(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "*")
	for range 3 {
		if _, err := kit.Hooks.Subscriptions.RotateSecret(t.Context(), customer, receiver.Subscription.ID, nil); err != nil {
			t.Fatal(err)
		}
		publish(t, kit, customer, 1)
		kit.WaitIdle(t)
	}
	wantStatuses(t, receiver, 200, 200, 200)
}

func TestAWrongSignatureFailsTheTest(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	kit, customer := webhookstest.New(f), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Receiver()
	receiver.Trust(signing.NewSecret())
	_, secret, err := kit.Hooks.Subscriptions.Create(t.Context(), customer, webhooks.SubscriptionInput{
		PostURI: receiver.URL, Events: []string{"*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, f.failure(func() {
		publish(t, kit, customer, 1)
		kit.WaitIdle(f)
	}), receiver.URL, "signature")
	receiver.Trust(secret)
	publish(t, kit, customer, 2)
	kit.WaitIdle(t)
	if n := receiver.Verified(); n != 1 {
		t.Errorf("verified %d, want 1", n)
	}
}

func TestWaitIdleNamesWhatStillWaits(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	kit, customer := webhookstest.New(f), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "*")
	receiver.Hang()
	publish(t, kit, customer, 1)
	wantFailure(t, f.failure(func() { kit.WaitIdle(f) }), receiver.URL, "1 attempts in flight", "until the clock moves")
	kit.Clock.Advance(time.Minute)
	receiver.Reply(200)
	if err := kit.Hooks.Dispatcher.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, f.failure(func() { kit.WaitIdle(f) }), "the dispatcher does not run")
}

// failing is a store that the dispatcher cannot reach while it is away.
type failing struct {
	webhooks.Store
	away atomic.Bool
}

func (s *failing) Record(ctx context.Context, outcomes []store.Outcome) ([]uuid.UUID, error) {
	if s.away.Load() {
		return nil, webhooks.ErrUnavailable
	}
	return s.Store.Record(ctx, outcomes)
}

func (s *failing) Claim(ctx context.Context, o store.ClaimOptions) ([]store.Job, time.Time, error) {
	if s.away.Load() {
		return nil, time.Time{}, webhooks.ErrUnavailable
	}
	return s.Store.Claim(ctx, o)
}

func TestAnOutageOfTheStoreLastsUntilTheClockMoves(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	c := webhookstest.NewClock(f, time.Now())
	st := &failing{Store: memstore.New(memstore.WithClock(c))}
	kit, customer := webhookstest.New(f, webhookstest.WithStore(st), webhookstest.WithClock(c)), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "*")
	st.away.Store(true)
	publish(t, kit, customer, 1)
	wantFailure(t, f.failure(func() { kit.WaitIdle(f) }), "the store does not answer", "1 attempts are not recorded")
	st.away.Store(false)
	kit.Clock.Advance(5 * time.Second)
	kit.WaitIdle(t)
	wantStatuses(t, receiver, 200)
}

func TestSynctestMovesAKitOfPackageTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kit, customer := webhookstest.New(t, webhookstest.PackageTime()), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "*")
		receiver.Reply(500, 200)
		publish(t, kit, customer, 1)
		kit.WaitIdle(t)
		wantStatuses(t, receiver, 500)
		time.Sleep(7 * time.Second)
		kit.WaitIdle(t)
		wantStatuses(t, receiver, 500, 200)
		receiver.Hang()
		publish(t, kit, customer, 2)
		time.Sleep(15 * time.Second) // until the time-out
		kit.WaitIdle(t)
		wantStatuses(t, receiver, 500, 200, 0)
	})
}

func TestAKitWorksInABubbleWithItsOwnClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kit, customer := webhookstest.New(t), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "*")
		receiver.Reply(500, 200)
		publish(t, kit, customer, 1)
		kit.Clock.Advance(time.Hour)
		wantStatuses(t, receiver, 500, 200)
	})
}

func TestNextWaitsForARequestOfAnotherGoroutine(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "*")
	go func() {
		_, _ = kit.Hooks.Dispatcher.Publish(context.Background(), customer, webhooks.Event{Type: "order.paid", Data: 7})
	}()
	if got := receiver.Next(t.Context()); string(got.Data) != "7" {
		t.Errorf("got %s", got.Data)
	}
}

func TestNextFailsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	kit := webhookstest.New(f)
	receiver := kit.Receiver()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantFailure(t, f.failure(func() { receiver.Next(ended) }), receiver.URL, "0 requests")
}

func TestBadUsesFailTheTestAndSayWhatIsAllowed(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	kit := webhookstest.New(f)
	for _, tt := range []struct {
		name string
		do   func()
		says []string
	}{
		{"BackInTime", func() { kit.Clock.Advance(-1) }, []string{"Advance(-1ns)", "backwards"}},
		{"NoStatus", func() { kit.Receiver().Reply(42) }, []string{"Reply(42)", "200 to 999"}},
		{"TheKitsFields", func() {
			webhookstest.New(f, webhookstest.WithConfig(func(c *webhooks.Config) { c.Clock = kit.Clock }))
		}, []string{"must not set Clock"}},
		{"BadSchema", func() { kit.EventType("a.b", "{") }, []string{"schema"}},
		{"BadEvents", func() { kit.Subscribe(uuid.New(), "not.there") }, []string{"events"}},
		{"NoOrganization", func() { kit.Subscribe(uuid.Nil, "*") }, []string{"organization"}},
	} {
		wantFailure(t, f.failure(tt.do), append(tt.says, "webhookstest: ")...)
	}
}
