package delivery_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/testmeter"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// metered has the engine record in a sink.
func metered(sink *testmeter.Sink) func(*delivery.Config) {
	return func(c *delivery.Config) { c.Metrics = sink }
}

// newMeteredWorld has one event published to one subscription, and a sink for the engine.
func newMeteredWorld(t *testing.T) (*world, *testmeter.Sink) {
	t.Helper()
	w, org := newWorld(t), newID()
	w.subscribe(org)
	w.publish(org, 1)
	return w, new(testmeter.Sink)
}

func wantValue(t *testing.T, sink *testmeter.Sink, want float64, i *measure.Instrument, labels ...string) {
	t.Helper()
	if got := sink.Value(i, labels...); got != want {
		t.Errorf("%s %q is %v, want %v", i.Name, labels, got, want)
	}
}

// TestFailuresAreCountedByClass holds that each class of package measure occurs, and no other.
func TestFailuresAreCountedByClass(t *testing.T) {
	t.Parallel()
	results := map[string][]guard.Result{
		"http_3xx": {{Status: 301}},
		"http_4xx": {{Status: 404}, {Status: 410}, {Status: 429}},
		"http_5xx": {{Status: 500}, {Status: 503, Err: errors.New("the body broke off")}},
		"dns":      {{Err: &net.DNSError{IsNotFound: true}}},
		"connect":  {{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}},
		"tls":      {{Err: errors.New("tls: bad certificate")}},
		"timeout":  {{Err: &guard.TimeoutError{}}},
		"blocked":  {{Err: &guard.BlockedError{}}},
		"broken":   {{Err: errors.New("http: server closed idle connection")}},
		"other":    {{Err: errors.New("?")}, {Status: 777}, {}},
	}
	for class, answers := range results {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			for _, answer := range answers {
				synctest.Test(t, func(t *testing.T) {
					w, sink := newMeteredWorld(t)
					e := w.engine(sender(func(context.Context, guard.Request) guard.Result { return answer }), metered(sink))
					w.must(e.Start(t.Context()))
					settle()
					w.must(e.Stop(t.Context()))
					wantValue(t, sink, 1, measure.Attempts.Instrument, "failed")
					wantValue(t, sink, 1, measure.AttemptFailures.Instrument, class)
					if n := w.notices[0]; n.Kind != delivery.AttemptEnded || n.Class != class {
						t.Errorf("the notice %s has the class %q", n.Kind, n.Class)
					}
				})
			}
		})
	}
	for _, class := range measure.AttemptFailures.Labels[0].Values {
		if results[class] == nil && class != "expired" {
			t.Errorf("class %s is not tested", class)
		}
	}
}

func TestAnAttemptThatExpiredIsAClassOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newMeteredWorld(t)
		time.Sleep(97 * time.Hour)
		e := w.engine(answer(200), metered(sink))
		w.must(e.Start(t.Context()))
		settle()
		w.must(e.Stop(t.Context()))
		wantValue(t, sink, 1, measure.AttemptFailures.Instrument, "expired")
		if n, _ := sink.Count(measure.AttemptDuration.Instrument, "failed"); n != 0 {
			t.Errorf("%d attempts have a duration, but none was sent", n)
		}
	})
}

func TestLagIsTheTimeFromDueToTheFirstByte(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		post   func(began time.Time) guard.Result
		lag    float64
		counts int
	}{
		{"OfTheSender", func(began time.Time) guard.Result { return guard.Result{Status: 200, SentAt: began.Add(time.Second)} }, 31, 1},
		{"OfASenderThatDoesNotTell", func(time.Time) guard.Result { return guard.Result{Status: 200} }, 30, 1},
		{"NoneWithoutAConnection", func(time.Time) guard.Result { return guard.Result{Err: errors.New("no route")} }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, sink := newMeteredWorld(t)
				time.Sleep(30 * time.Second)
				e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
					began := time.Now()
					time.Sleep(3 * time.Second)
					return test.post(began)
				}), metered(sink))
				w.must(e.Start(t.Context()))
				time.Sleep(4 * time.Second)
				w.must(e.Stop(t.Context()))
				if n, sum := sink.Count(measure.AttemptLag.Instrument); n != test.counts || sum != test.lag {
					t.Errorf("%d attempts with a lag of %v s, want %v s", n, sum, test.lag)
				}
				outcome := map[bool]string{true: "succeeded", false: "failed"}[test.counts == 1]
				if n, sum := sink.Count(measure.AttemptDuration.Instrument, outcome); n != 1 || sum != 3 {
					t.Errorf("%d attempts took %v s, want 3 s", n, sum)
				}
			})
		})
	}
}

// hourAhead is a store whose clock is an hour ahead.
type hourAhead struct{ store.Store }

func (s hourAhead) Claim(ctx context.Context, opts store.ClaimOptions) ([]store.Job, time.Time, error) {
	jobs, at, err := s.Store.Claim(ctx, opts)
	for i := range jobs {
		jobs[i].DueAt = jobs[i].DueAt.Add(time.Hour)
	}
	return jobs, at.Add(time.Hour), err
}

func TestLagIsRightWhereTheClocksDiffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newMeteredWorld(t)
		time.Sleep(30 * time.Second)
		e := w.engine(answer(200), metered(sink), func(c *delivery.Config) { c.Store = hourAhead{w.store} })
		w.must(e.Start(t.Context()))
		settle()
		w.must(e.Stop(t.Context()))
		if n, sum := sink.Count(measure.AttemptLag.Instrument); n != 1 || sum != 30 {
			t.Errorf("%d attempts with a lag of %v s, want 30 s", n, sum)
		}
	})
}

func TestGaugesShowTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink, org := newWorld(t), new(testmeter.Sink), newID()
		w.subscribe(org, func(s *store.Subscription) { s.RateLimit = 5 })
		hangs := newHungSender()
		e := w.engine(hangs, metered(sink), func(c *delivery.Config) { c.Workers, c.Backlog, c.BacklogBytes = 8, 100, 1000 })
		if _, ok := sink.Lookup(measure.DispatcherRunning.Instrument); ok {
			t.Error("an engine that was never started has gauges")
		}
		w.must(e.Start(t.Context()))
		w.publish(org, 3)
		<-hangs.called
		synctest.Wait()
		for i, want := range map[*measure.Instrument]float64{
			measure.DispatcherRunning.Instrument: 1, measure.DispatcherListening.Instrument: 1, measure.InFlight.Instrument: 1,
			measure.Workers.Instrument: 8, measure.Waiting.Instrument: 2, measure.WaitingLimit.Instrument: 100,
			measure.WaitingBytesLimit.Instrument: 1000, measure.Unrecorded.Instrument: 0, measure.Stuck.Instrument: 0,
		} {
			wantValue(t, sink, want, i)
		}
		if sink.Value(measure.WaitingBytes.Instrument) == 0 {
			t.Error("the bodies that wait have no bytes")
		}
		if n, sum := sink.Count(measure.BatchSize.Instrument, "claim"); n == 0 || sum != 3 {
			t.Errorf("%d claims of %v attempts, want 3", n, sum)
		}
		close(hangs.letGo)
		pass(time.Second)
		w.must(e.Stop(t.Context()))
		wantValue(t, sink, 0, measure.DispatcherRunning.Instrument)
		if n, sum := sink.Count(measure.BatchSize.Instrument, "record"); n == 0 || sum != 3 {
			t.Errorf("%d batches of %v outcomes, want 3", n, sum)
		}
	})
}

// measured is a store that measures itself as a test says.
type measured struct {
	store.Store
	takes time.Duration
	found store.Measures

	mu    sync.Mutex
	err   error
	calls []time.Time
}

// called returns the times of the calls.
func (m *measured) called() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// fail makes further calls fail.
func (m *measured) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *measured) Abilities() store.Abilities { return store.Abilities{Measurer: m} }
func (m *measured) Pool() store.Pool           { return store.Pool{} }

func (m *measured) Measure(ctx context.Context, _ int) (store.Measures, error) {
	m.mu.Lock()
	m.calls = append(m.calls, time.Now())
	err := m.err
	m.mu.Unlock()
	select {
	case <-time.After(m.takes):
		return m.found, err
	case <-ctx.Done():
		return store.Measures{}, ctx.Err()
	}
}

// startMeasured starts an engine over a store that measures itself.
func (w *world) startMeasured(m *measured, sink *testmeter.Sink) {
	w.t.Helper()
	m.Store = w.store
	e := w.engine(answer(200), metered(sink), func(c *delivery.Config) { c.Store = m })
	w.must(e.Start(w.t.Context()))
	synctest.Wait()
}

func TestTheQueueIsMeasuredEveryTenSecondsAndNotWhenItIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newWorld(t), new(testmeter.Sink)
		m := &measured{found: store.Measures{
			Due: 1, Scheduled: 2, Held: 3, OldestDue: 4 * time.Second, OpenCircuits: 5, RunningRecoveries: 6, DaysAhead: 7,
		}}
		w.startMeasured(m, sink)
		wantValue(t, sink, 1, measure.QueueAttempts.Instrument, measure.Due)
		wantValue(t, sink, 2, measure.QueueAttempts.Instrument, measure.Scheduled)
		wantValue(t, sink, 3, measure.QueueAttempts.Instrument, measure.Held)
		wantValue(t, sink, 4, measure.QueueOldestDue.Instrument)
		wantValue(t, sink, 5, measure.CircuitsOpen.Instrument)
		wantValue(t, sink, 6, measure.RecoveriesRunning.Instrument)
		wantValue(t, sink, 7, measure.PartitionsAhead.Instrument)
		if len(m.called()) != 1 {
			t.Errorf("%d measurements, want one", len(m.called()))
		}
		pass(35 * time.Second)
		if len(m.called()) != 4 {
			t.Errorf("%d measurements in 35 s, want 4", len(m.called()))
		}
	})
}

func TestASlowMeasurementIsSeldom(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		50 * time.Millisecond: 10*time.Second + 50*time.Millisecond,
		time.Second:           101 * time.Second,
		time.Hour:             5*time.Minute + 5*time.Second, // it ends after 5 s
	} {
		synctest.Test(t, func(t *testing.T) {
			w, m := newWorld(t), &measured{takes: took}
			w.startMeasured(m, new(testmeter.Sink))
			pass(want + time.Millisecond)
			calls := m.called()
			if got := calls[len(calls)-1].Sub(calls[0]); len(calls) != 2 || got != want {
				t.Errorf("a measurement of %v is repeated after %v, want %v", took, got, want)
			}
		})
	}
}

func TestTheQueueIsNotShownAfterAnError(t *testing.T) {
	t.Parallel()
	for _, err := range []error{store.ErrUnavailable, errors.New("no right to read")} {
		synctest.Test(t, func(t *testing.T) {
			w, sink, m := newWorld(t), new(testmeter.Sink), &measured{}
			w.startMeasured(m, sink)
			if _, ok := sink.Lookup(measure.QueueOldestDue.Instrument); !ok {
				t.Fatal("the queue is not shown")
			}
			m.fail(err)
			pass(11 * time.Second)
			if _, ok := sink.Lookup(measure.QueueOldestDue.Instrument); ok {
				t.Errorf("after %v the queue is shown as it was", err)
			}
		})
	}
}

func TestWithoutMetricsTheStoreIsNotMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, m := newWorld(t), &measured{}
		m.Store = w.store
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store = m })
		w.must(e.Start(t.Context()))
		pass(time.Minute)
		if len(m.called()) != 0 {
			t.Errorf("%d measurements", len(m.called()))
		}
	})
}

func TestUpkeepIsMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newWorld(t), new(testmeter.Sink)
		u := &upkept{Store: w.store, left: 450, failure: errors.New("not the owner")}
		e := w.engine(answer(200), metered(sink), func(c *delivery.Config) { c.Store = u })
		w.must(e.Start(t.Context()))
		pass(90 * time.Minute)
		w.must(e.Stop(t.Context()))
		wantValue(t, sink, 450, measure.RemovedMessages.Instrument)
		wantValue(t, sink, 2, measure.UpkeepFailures.Instrument, measure.Partitions)
		if _, ok := sink.Lookup(measure.UpkeepLastSuccess.Instrument, measure.Partitions); ok {
			t.Error("a part of the upkeep that always failed has a last success")
		}
	})
}

func TestUpkeepShowsItsLastSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newWorld(t), new(testmeter.Sink)
		e := w.engine(answer(200), metered(sink), func(c *delivery.Config) { c.Store = &upkept{Store: w.store} })
		w.must(e.Start(t.Context()))
		began := time.Now()
		pass(90 * time.Minute)
		for _, part := range []string{measure.Partitions, measure.Retention} {
			wantValue(t, sink, float64(began.Add(time.Hour).Unix()), measure.UpkeepLastSuccess.Instrument, part)
		}
	})
}

func TestTakeOversAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newWorld(t), new(testmeter.Sink)
		_, h := w.host(answer(200), metered(sink))
		h.set(store.Beat{Host: 7, Silent: 3 * time.Second, Dead: []int64{3}}, nil)
		pass(time.Second)
		h.set(store.Beat{Host: 7, Silent: 3 * time.Second}, nil)
		pass(10 * time.Second)
		wantValue(t, sink, 1, measure.TakeOverHosts.Instrument)
		wantValue(t, sink, 5, measure.TakeOverAttempts.Instrument)
	})
}

func TestNoticesAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newMeteredWorld(t)
		e := w.engine(&script{statuses: []int{500, 200}}, metered(sink))
		w.must(e.Start(t.Context()))
		pass(time.Minute)
		w.must(e.Stop(t.Context()))
		wantValue(t, sink, 1, measure.Notices.Instrument, string(delivery.FirstFailure))
		wantValue(t, sink, 1, measure.Notices.Instrument, string(delivery.Recovered))
		wantValue(t, sink, 0, measure.Notices.Instrument, string(delivery.AttemptEnded))
	})
}

func TestCallsThatDoNotReturnAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, sink := newMeteredWorld(t)
		hangs := newHungSender()
		e := w.engine(hangs, metered(sink))
		w.must(e.Start(t.Context()))
		<-hangs.called
		pass(18 * time.Second) // the time-out of 15 s, and 2 s
		wantValue(t, sink, 1, measure.Notices.Instrument, string(delivery.SenderStuck))
		wantValue(t, sink, 1, measure.AttemptFailures.Instrument, "timeout")
		wantValue(t, sink, 1, measure.Stuck.Instrument)
		close(hangs.letGo)
		pass(time.Second)
		wantValue(t, sink, 0, measure.Stuck.Instrument)
		w.must(e.Stop(t.Context()))
	})
}

// A new kind of notice needs a value of the label.
func TestEachKindOfNoticeIsAValueOfTheLabel(t *testing.T) {
	t.Parallel()
	for _, kind := range []delivery.NoticeKind{
		delivery.FirstFailure, delivery.Recovered, delivery.Exhausted, delivery.CircuitOpened, delivery.CircuitClosed,
		delivery.SubscriptionDeactivated, delivery.LeaseLost, delivery.SenderStuck, delivery.StoreDown, delivery.StoreUp,
	} {
		if !slices.Contains(measure.Notices.Labels[0].Values, string(kind)) {
			t.Errorf("%s is missing", kind)
		}
	}
}
