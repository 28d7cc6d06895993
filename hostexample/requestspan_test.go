package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecg-api/webhooks/httpapi"
)

func TestTheSpanOfARequestFollowsTheConventions(t *testing.T) {
	t.Parallel()
	org := uuid.New()
	for name, c := range map[string]struct {
		method string
		info   httpapi.RequestInfo
		want   map[attribute.Key]any
		span   string
		status codes.Code
	}{
		"Answered": {
			http.MethodGet,
			httpapi.RequestInfo{Method: http.MethodGet, Route: "/api/{id}", Status: 404, ID: "r1", OrganizationID: org},
			map[attribute.Key]any{
				"http.request.method": "GET", "url.scheme": "http", "server.address": "example.com", "server.port": int64(8080),
				"network.protocol.version": "1.1", "network.peer.address": "192.0.2.1", "user_agent.original": "agent",
				"http.route": "/api/{id}", "url.path": "/api/{id}", "client.address": "198.51.100.7", "webhooks.request.id": "r1",
				"http.response.status_code": int64(404), "webhooks.organization.id": org.String(),
			},
			"GET /api/{id}", codes.Unset,
		},
		"FailedOfAnUnknownMethod": {
			"BREW",
			httpapi.RequestInfo{Method: "BREW", Status: 503},
			map[attribute.Key]any{"http.request.method": "_OTHER", "http.response.status_code": int64(503), "error.type": "503"},
			"HTTP", codes.Error,
		},
		"WithoutAnAnswer": {
			http.MethodGet,
			httpapi.RequestInfo{Method: http.MethodGet, Route: "/api"},
			map[attribute.Key]any{"http.response.status_code": nil, "error.type": nil},
			"GET /api", codes.Unset,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := tracetest.NewSpanRecorder()
			c.info.ClientAddr = netip.MustParseAddr("198.51.100.7")
			p := &process{traces: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))}
			handler := p.traced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { describeSpan(r.Context(), c.info) }))
			r := httptest.NewRequestWithContext(t.Context(), c.method, "http://example.com:8080/api/secret?key=1", http.NoBody)
			r.Header.Set("User-Agent", "agent")
			handler.ServeHTTP(httptest.NewRecorder(), r)
			span := spans.Ended()[0]
			got := map[attribute.Key]any{}
			for _, a := range span.Attributes() {
				got[a.Key] = a.Value.AsInterface()
			}
			for key, want := range c.want {
				if got[key] != want {
					t.Errorf("%s is %v, want %v", key, got[key], want)
				}
			}
			if span.Name() != c.span || span.Status().Code != c.status || span.SpanKind() != trace.SpanKindServer {
				t.Errorf("span %s of kind %v has the status %v", span.Name(), span.SpanKind(), span.Status().Code)
			}
		})
	}
}

func TestARequestThatIsNotSampledCostsLittle(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	p := &process{traces: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))}
	sampled := false
	handler := p.traced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		describeSpan(r.Context(), httpapi.RequestInfo{})
		sampled = trace.SpanFromContext(r.Context()).IsRecording()
	}))
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", http.NoBody)
	if n := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }); n > 5 || sampled {
		t.Errorf("%v allocations, sampled %v", n, sampled)
	}
}
