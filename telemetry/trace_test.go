package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/telemetry"
)

// service is a store with a subscription, and the spans of the hosts on it.
type service struct {
	t     *testing.T
	spans *tracetest.SpanRecorder
	trace *sdktrace.TracerProvider
	store webhooks.Store
	org   uuid.UUID
	sub   webhooks.Subscription

	mu       sync.Mutex
	statuses []int // of the next answers; 200 after them
	headers  []http.Header
}

const secret = "canary"

func newService(t *testing.T, options ...sdktrace.TracerProviderOption) *service {
	t.Helper()
	s := &service{t: t, spans: tracetest.NewSpanRecorder(), store: memstore.New(), org: uuid.Must(uuid.NewV7())}
	s.trace = sdktrace.NewTracerProvider(append(options, sdktrace.WithSpanProcessor(s.spans))...)
	hooks := s.host()
	ctx := t.Context()
	c, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "c", Code: "c"})
	s.must(err)
	_, err = hooks.Registry.CreateEventType(ctx, c.ID, webhooks.EventTypeInput{Name: "e", Code: "order.paid", Version: "v1"})
	s.must(err)
	s.sub, _, err = hooks.Subscriptions.Create(ctx, s.org, webhooks.SubscriptionInput{
		PostURI: "https://example.com/" + secret + "?key=" + secret, Events: []string{"*"}, Headers: map[string]string{"X-Key": secret},
	})
	s.must(err)
	return s
}

// host returns a host on the store.
func (s *service) host() *webhooks.Webhooks {
	s.t.Helper()
	hooks, err := webhooks.New(s.store, webhooks.Config{
		Tracer: telemetry.NewTracer(s.trace), Sender: s, RetrySchedule: []time.Duration{time.Minute},
	})
	s.must(err)
	return hooks
}

func (s *service) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Post implements [webhooks.Sender].
func (s *service) Post(_ context.Context, r guard.Request) guard.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headers = append(s.headers, r.Header.Clone())
	status := 200
	if len(s.statuses) > 0 {
		status, s.statuses = s.statuses[0], s.statuses[1:]
	}
	if status == 0 {
		return guard.Result{Err: &guard.BlockedError{Subject: "address 10.0.0.1"}}
	}
	return guard.Result{Status: status}
}

func (s *service) event() webhooks.Event {
	return webhooks.Event{Type: "order.paid", Data: json.RawMessage(`"` + secret + `"`)}
}

// run lets a host deliver for some time.
func (s *service) run(hooks *webhooks.Webhooks, d time.Duration) {
	s.t.Helper()
	s.must(hooks.Dispatcher.Start(s.t.Context()))
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
	s.must(hooks.Dispatcher.Stop(s.t.Context()))
}

// named returns the spans of a name that ended, by their begin.
func (s *service) named(name string) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(s.spans.Ended(), func(span sdktrace.ReadOnlySpan) bool { return span.Name() != name })
}

func attributes(span sdktrace.ReadOnlySpan) map[string]any {
	out := map[string]any{}
	for _, a := range span.Attributes() {
		out[string(a.Key)] = a.Value.AsInterface()
	}
	return out
}

func (s *service) wantAttributes(span sdktrace.ReadOnlySpan, want map[string]any) {
	s.t.Helper()
	if got := attributes(span); !maps.Equal(got, want) {
		s.t.Errorf("%s has the attributes\n%v\nwant\n%v", span.Name(), got, want)
	}
}

func TestARetryOnAnotherHostContinuesThePublishersTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.statuses = []int{503}
		parent, span := s.trace.Tracer("test").Start(t.Context(), "parent")
		published, err := s.host().Dispatcher.Publish(parent, s.org, s.event())
		s.must(err)
		span.End()
		s.run(s.host(), time.Second)
		s.run(s.host(), 5*time.Minute)

		publish, attempts := s.named(telemetry.SpanPublish), s.named(telemetry.SpanAttempt)
		if len(publish) != 1 || len(attempts) != 2 {
			t.Fatalf("%d publishes and %d attempts, want 1 and 2", len(publish), len(attempts))
		}
		if publish[0].Parent().SpanID() != span.SpanContext().SpanID() || publish[0].SpanKind() != trace.SpanKindProducer {
			t.Errorf("the publish is a %v span below %v", publish[0].SpanKind(), publish[0].Parent())
		}
		for i, a := range attempts {
			if a.Parent().SpanID() != publish[0].SpanContext().SpanID() || a.SpanContext().TraceID() != span.SpanContext().TraceID() ||
				a.SpanKind() != trace.SpanKindClient {
				t.Errorf("attempt %d is a %v span below %v, want below %v", i+1, a.SpanKind(), a.Parent(), publish[0].SpanContext())
			}
			want := "00-" + a.SpanContext().TraceID().String() + "-" + a.SpanContext().SpanID().String() + "-01"
			if got := s.headers[i].Get("traceparent"); got != want {
				t.Errorf("attempt %d has the traceparent %q, want %q", i+1, got, want)
			}
		}
		s.checkSpans(published, publish[0], attempts)
	})
}

// checkSpans checks the attributes and statuses of a publish, a failed attempt and its retry.
func (s *service) checkSpans(published webhooks.Published, publish sdktrace.ReadOnlySpan, attempts []sdktrace.ReadOnlySpan) {
	s.t.Helper()
	id := published.ID.String()
	s.wantAttributes(publish, map[string]any{
		"messaging.system": "ecg_webhooks", "messaging.operation.name": "publish", "messaging.operation.type": "send",
		"messaging.message.id": id, "webhooks.organization.id": s.org.String(), "webhooks.event.type": "order.paid",
		"webhooks.deliveries": int64(1),
	})
	list, err := s.host().Subscriptions.Attempts(s.t.Context(), webhooks.HistoryQuery{
		OrganizationID: s.org, SubscriptionID: s.sub.ID, Page: webhooks.Page{Take: 10},
	})
	s.must(err)
	want := func(number int, more map[string]any) map[string]any {
		out := map[string]any{
			"messaging.system": "ecg_webhooks", "messaging.operation.name": "attempt", "messaging.operation.type": "send",
			"messaging.message.id": id, "webhooks.organization.id": s.org.String(), "webhooks.subscription.id": s.sub.ID.String(),
			"webhooks.delivery.id": list.Items[0].ID.String(), "webhooks.attempt.id": list.Items[number-1].ID.String(),
			"webhooks.attempt.number": int64(number), "http.request.method": "POST", "server.address": "example.com", "server.port": int64(443),
		}
		maps.Copy(out, more)
		return out
	}
	s.wantAttributes(attempts[0], want(1, map[string]any{
		"webhooks.attempt.status": "failed", "http.response.status_code": int64(503), "error.type": "503",
	}))
	s.wantAttributes(attempts[1], want(2, map[string]any{
		"webhooks.attempt.status": "succeeded", "http.response.status_code": int64(200), "http.request.resend_count": int64(1),
	}))
	if status := attempts[0].Status(); status.Code != codes.Error || status.Description != "" {
		s.t.Errorf("the failed attempt has the status %v", status)
	}
}

// unreadable is data with an error that quotes it.
type unreadable struct{}

func (unreadable) MarshalJSON() ([]byte, error) { return nil, errors.New(secret) }

func TestNoSpanHoldsAPayloadAHeaderOrAPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		hooks := s.host()
		_, err := hooks.Dispatcher.Publish(t.Context(), s.org, s.event())
		s.must(err)
		_, err = hooks.Dispatcher.Publish(t.Context(), s.org, webhooks.Event{Type: "order.paid", Data: unreadable{}})
		if err == nil || !strings.Contains(err.Error(), secret) {
			t.Errorf("an event that cannot be marshalled: %v", err)
		}
		s.run(hooks, time.Second)
		spans := s.spans.Ended()
		if len(spans) != 3 {
			t.Errorf("%d spans, want 3", len(spans))
		}
		for _, span := range spans {
			text, err := json.Marshal(tracetest.SpanStubFromReadOnlySpan(span))
			s.must(err)
			if strings.Contains(string(text), secret) {
				t.Errorf("%s", text)
			}
		}
	})
}

func TestAnAttemptWithoutAnAnswerSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.statuses = []int{0}
		hooks := s.host()
		_, err := hooks.Dispatcher.Publish(t.Context(), s.org, s.event())
		s.must(err)
		s.run(hooks, time.Second)
		span := s.named(telemetry.SpanAttempt)[0]
		if status := span.Status(); status.Code != codes.Error || status.Description != "blocked address 10.0.0.1" {
			t.Errorf("status %+v", status)
		}
		if got := attributes(span)["error.type"]; got != "blocked" {
			t.Errorf("error.type %v", got)
		}
	})
}

func TestPostsAndBatchesAreTraced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		hooks := s.host()
		_, err := hooks.Dispatcher.PublishBatch(t.Context(), s.org, []webhooks.Event{s.event(), s.event()})
		s.must(err)
		_, err = hooks.Dispatcher.Test(t.Context(), s.org, s.sub.ID, "order.paid", "")
		s.must(err)
		s.run(hooks, time.Second)
		publishes, attempts := s.named(telemetry.SpanPublish), s.named(telemetry.SpanAttempt)
		if len(publishes) != 2 || len(attempts) != 3 {
			t.Fatalf("%d publishes and %d attempts, want 2 and 3", len(publishes), len(attempts))
		}
		batch := attributes(publishes[0])
		if batch["messaging.batch.message_count"] != int64(2) || batch["webhooks.deliveries"] != int64(2) ||
			batch["messaging.message.id"] != nil {
			t.Errorf("the batch has the attributes %v", batch)
		}
		below := map[trace.SpanID]int{}
		for _, a := range attempts {
			below[a.Parent().SpanID()]++
		}
		if below[publishes[0].SpanContext().SpanID()] != 2 || below[publishes[1].SpanContext().SpanID()] != 1 {
			t.Errorf("attempts by their parents: %v", below)
		}
	})
}

// The decision of the publisher's sampler holds for attempts, and the receiver learns it.
func TestAnUnsampledTraceIsContinuedAndNotRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
		hooks := s.host()
		_, err := hooks.Dispatcher.Publish(t.Context(), s.org, s.event())
		s.must(err)
		s.run(hooks, time.Second)
		if n := len(s.spans.Ended()); n != 0 {
			t.Errorf("%d spans are recorded", n)
		}
		if got := s.headers[0].Get("traceparent"); !strings.HasSuffix(got, "-00") {
			t.Errorf("traceparent %q", got)
		}
	})
}

func TestTracestateReachesTheReceiverUnlessItIsTooLong(t *testing.T) {
	t.Parallel()
	for name, long := range map[string]bool{"Short": false, "Long": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, want := newService(t), "vendor=value"
				state, err := trace.ParseTraceState(want)
				if long {
					for i := range 8 { // of 200 bytes each
						state, err = state.Insert("v"+string(rune('a'+i)), strings.Repeat("x", 200))
						s.must(err)
					}
					want = ""
				}
				s.must(err)
				remote := trace.NewSpanContext(trace.SpanContextConfig{
					TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true,
				})
				hooks := s.host()
				_, err = hooks.Dispatcher.Publish(trace.ContextWithSpanContext(t.Context(), remote), s.org, s.event())
				s.must(err)
				s.run(hooks, time.Second)
				h := s.headers[0]
				if got := h.Get("tracestate"); got != want || !strings.HasPrefix(h.Get("traceparent"), "00-01000000000000000000000000000000-") {
					t.Errorf("traceparent %q, tracestate %q, want %q", h.Get("traceparent"), got, want)
				}
			})
		})
	}
}

func TestAPublishThatFailsHasAClassOfError(t *testing.T) {
	t.Parallel()
	s := newService(t)
	_, err := s.host().Dispatcher.Publish(t.Context(), s.org, webhooks.Event{Type: "un.known"})
	if err == nil {
		t.Fatal("it was published")
	}
	span := s.named(telemetry.SpanPublish)[0]
	if got := attributes(span)["error.type"]; got != "invalid" || span.Status().Code != codes.Error {
		t.Errorf("error.type %v, status %v", got, span.Status())
	}
}
