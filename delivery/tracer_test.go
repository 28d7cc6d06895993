package delivery_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// spans is a Tracer that keeps the spans of attempts.
type spans struct {
	mu     sync.Mutex
	starts []delivery.AttemptStart
	ends   []delivery.AttemptEnd
}

type spanKey struct{}

func (s *spans) StartPublish(ctx context.Context, _ delivery.PublishStart) (context.Context, func(delivery.PublishEnd)) {
	return context.WithValue(ctx, spanKey{}, "publish"), func(delivery.PublishEnd) {}
}

func (s *spans) TraceContext(ctx context.Context) string {
	text, _ := ctx.Value(spanKey{}).(string)
	return text
}

func (s *spans) StartAttempt(
	ctx context.Context, a delivery.AttemptStart, h http.Header,
) (context.Context, func(delivery.AttemptEnd)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts = append(s.starts, a)
	h.Set("traceparent", "attempt "+a.TraceContext)
	return context.WithValue(ctx, spanKey{}, "attempt"), func(end delivery.AttemptEnd) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ends = append(s.ends, end)
	}
}

// publishTraced publishes a message with a trace context.
func (w *world) publishTraced(s store.Subscription) store.Published {
	w.t.Helper()
	m := w.message(s.OrganizationID)
	m.TraceContext = "of the publish"
	out, err := w.store.Publish(context.Background(), nil, []store.NewMessage{m}, store.PublishOptions{NewID: newID})
	w.must(err)
	return out[0]
}

func TestEachAttemptIsASpanOfTheMessagesTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, traced := newWorld(t), &spans{}
		sub := w.subscribe(newID(), func(s *store.Subscription) {
			s.PostURI, s.Headers = "https://example.com/hook?key=1", map[string]string{"Traceparent": "of the customer"}
		})
		statuses, got := []int{503, 200}, []string{}
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			got = append(got, r.Header.Get("traceparent"), ctx.Value(spanKey{}).(string))
			return guard.Result{Status: statuses[len(got)/2-1]}
		}), func(c *delivery.Config) { c.Tracer = traced })
		published := w.publishTraced(sub)
		w.must(e.Start(t.Context()))
		settle()
		time.Sleep(time.Minute)
		w.must(e.Stop(t.Context()))

		want := []string{"attempt of the publish", "attempt", "attempt of the publish", "attempt"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers and contexts of the requests (-want +got):\n%s", diff)
		}
		list := w.attempts(sub)
		first := delivery.AttemptStart{
			TraceContext: "of the publish", OrganizationID: sub.OrganizationID, SubscriptionID: sub.ID, MessageID: published.MessageID,
			DeliveryID: list[0].ID, AttemptID: list[0].ID, Number: 1, Type: store.FirstPost, Address: "example.com:443",
		}
		second := first
		second.AttemptID, second.Number, second.Type = list[1].ID, 2, store.AutomaticRetry
		if diff := cmp.Diff([]delivery.AttemptStart{first, second}, traced.starts); diff != "" {
			t.Errorf("spans began with (-want +got):\n%s", diff)
		}
		failed := delivery.AttemptEnd{Status: store.Failed, HTTPStatus: 503, Class: "http_5xx", Reason: "HTTP 503", RetryAt: list[0].NextRetryAt}
		if diff := cmp.Diff([]delivery.AttemptEnd{failed, {Status: store.Succeeded, HTTPStatus: 200}}, traced.ends); diff != "" {
			t.Errorf("spans ended with (-want +got):\n%s", diff)
		}
	})
}

func TestTheSpanOfAnAttemptThatWasBrokenOffIsPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, traced := newWorld(t), &spans{}
		e := w.engine(sender(func(ctx context.Context, _ guard.Request) guard.Result {
			<-ctx.Done()
			return guard.Result{Err: ctx.Err()}
		}), func(c *delivery.Config) { c.Tracer = traced })
		w.publishTraced(w.subscribe(newID()))
		w.must(e.Start(t.Context()))
		settle()
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_ = e.Stop(over) // aborts
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]delivery.AttemptEnd{{Status: store.Pending, Reason: "canceled"}}, traced.ends); diff != "" {
			t.Errorf("spans ended with (-want +got):\n%s", diff)
		}
	})
}

func TestTheSpanOfACallThatWasGivenUpEndsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, traced, hangs := newWorld(t), &spans{}, newHungSender()
		e := w.engine(hangs, func(c *delivery.Config) { c.Tracer, c.Schedule = traced, delivery.Schedule{time.Hour} })
		w.publishTraced(w.subscribe(newID()))
		w.must(e.Start(t.Context()))
		time.Sleep(time.Minute)
		close(hangs.letGo)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(traced.ends) != 1 || traced.ends[0].Status != store.Failed || traced.ends[0].Class != "timeout" {
			t.Errorf("the span ended with %+v, want once, as failed by a time-out", traced.ends)
		}
		w.must(e.Stop(t.Context()))
	})
}

// panics is a Tracer that panics in one of its calls.
type panics struct {
	spans
	at string
}

func (p *panics) check(at string) {
	if p.at == at {
		panic("broken")
	}
}

func (p *panics) StartPublish(ctx context.Context, s delivery.PublishStart) (context.Context, func(delivery.PublishEnd)) {
	p.check("StartPublish")
	ctx, _ = p.spans.StartPublish(ctx, s)
	return ctx, func(delivery.PublishEnd) { p.check("EndPublish") }
}

func (p *panics) TraceContext(ctx context.Context) string {
	p.check("TraceContext")
	return p.spans.TraceContext(ctx)
}

func (p *panics) StartAttempt(
	ctx context.Context, a delivery.AttemptStart, h http.Header,
) (context.Context, func(delivery.AttemptEnd)) {
	p.check("StartAttempt")
	ctx, _ = p.spans.StartAttempt(ctx, a, h)
	return ctx, func(delivery.AttemptEnd) { p.check("EndAttempt") }
}

func TestATracerThatPanicsIsLoggedAndStopsNothing(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"StartPublish", "EndPublish", "TraceContext", "StartAttempt", "EndAttempt"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, log := newWorld(t), &logged{}
				e := w.engine(answer(200), func(c *delivery.Config) { c.Tracer, c.Logger = &panics{at: at}, log.logger() })
				sub := w.subscribe(newID())
				ctx, end := e.StartPublish(t.Context(), delivery.PublishStart{})
				_ = e.TraceContext(ctx)
				end(delivery.PublishEnd{})
				w.publishTraced(sub)
				w.must(e.Start(t.Context()))
				settle()
				w.must(e.Stop(t.Context()))
				if list := w.attempts(sub); list[0].Status != store.Succeeded {
					t.Errorf("the attempt is %v", list[0].Status)
				}
				if n := log.count("the tracer panicked"); n != 1 {
					t.Errorf("%d lines about the panic, want 1", n)
				}
			})
		})
	}
}

func TestATraceContextThatNoHeaderTakesIsDropped(t *testing.T) {
	t.Parallel()
	e := newWorld(t).engine(answer(200), func(c *delivery.Config) { c.Tracer = &spans{} })
	long := make([]byte, delivery.MaxTraceContext+1)
	for i := range long {
		long[i] = 'x'
	}
	for text, want := range map[string]string{
		"00-1-2-01 a=b": "00-1-2-01 a=b", string(long): "", string(long[1:]): string(long[1:]), "a\nb": "", "a\x00b": "", "ä": "",
	} {
		if got := e.TraceContext(context.WithValue(t.Context(), spanKey{}, text)); got != want {
			t.Errorf("of %.20q: %.20q, want %.20q", text, got, want)
		}
	}
}
