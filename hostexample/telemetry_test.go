package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// collector is an OTLP collector.
type collector struct {
	url string

	mu       sync.Mutex
	requests int
	sent     [][]byte // the bodies
	spans    []sentSpan
}

// sentSpan is a span, and the name of the service that made it.
type sentSpan struct {
	*tracepb.Span
	service string
}

// collect starts a collector. It answers once answer is closed; nil: at once.
func collect(t *testing.T, answer <-chan struct{}) *collector {
	t.Helper()
	c := new(collector)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the test has ended, and killed the host
		}
		c.mu.Lock()
		c.requests++
		c.mu.Unlock()
		if answer != nil {
			<-answer
		}
		if r.URL.Path == "/v1/traces" {
			c.add(t, body)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) add(t *testing.T, body []byte) {
	var request collectorpb.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, body)
	for _, of := range request.ResourceSpans {
		service := ""
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans = append(c.spans, sentSpan{span, service})
			}
		}
	}
}

// environ makes a host export to the collector.
func (c *collector) environ(service string) []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=" + service,
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test",
	}
}

func (c *collector) count() (requests int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// named returns the spans of a name.
func (c *collector) named(name string) (found []sentSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if span.Name == name {
			found = append(found, span)
		}
	}
	return found
}

// span waits for the one span of a name and a service.
func (c *collector) span(t *testing.T, name, service string) *tracepb.Span {
	t.Helper()
	var found []sentSpan
	within(t, func() bool {
		found = nil
		for _, span := range c.named(name) {
			if span.service == service {
				found = append(found, span)
			}
		}
		return len(found) > 0
	})
	if len(found) != 1 {
		t.Errorf("%d spans %s of %s, want 1", len(found), name, service)
	}
	return found[0].Span
}

const (
	publisherTrace = "0af7651916cd43dd8448eb211c80319c"
	publisherSpan  = "b7ad6b7169203331"
)

// publishTraced publishes an event with a traceparent.
func (a api) publishTraced(t *testing.T) {
	t.Helper()
	body, err := json.Marshal(event(72))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+testOrg+"/events", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("traceparent", "00-"+publisherTrace+"-"+publisherSpan+"-01")
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d", resp.StatusCode)
	}
}

// A publisher's trace goes on through the REST interface of one host, a failed attempt of a second one and the
// retry of a third one, to the receiver.
func TestAnEventIsOneTraceOverHostsAndRetries(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	receiver, posts := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		if len(arrived) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	c, folder := collect(t, nil), t.TempDir()
	front := serve(t, folder, c.environ("front"), "--api", "--dev")
	a := api{front.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	a.publishTraced(t)

	back := func(service string) *serving {
		return serve(t, folder, append(c.environ(service), "WEBHOOKS_SECRET_KEYS_FILE="+devKeyFile),
			"--dispatcher", "--allow-networks=127.0.0.0/8", "--retry-schedule=1s", "--allow-http")
	}
	first := back("first")
	posted := []post{next(t, posts)}
	first.signal(t, syscall.SIGTERM) // it finishes the attempt, and makes no retry
	first.logs(t, `"msg":"stopping"`)
	close(release)
	first.exit(t)
	back("second")
	c.checkTrace(t, append(posted, next(t, posts)))
}

// checkTrace checks the spans of an event that failed at the first host and succeeded at the second, and the
// headers of the two posts.
func (c *collector) checkTrace(t *testing.T, posted []post) {
	t.Helper()
	request := c.span(t, "POST /api/organizations/{organizationId}/events", "front")
	publish := c.span(t, "webhooks.publish", "front")
	attempts := []*tracepb.Span{c.span(t, "webhooks.attempt", "first"), c.span(t, "webhooks.attempt", "second")}
	for name, pair := range map[string][2]string{
		"request": {hex.EncodeToString(request.ParentSpanId), publisherSpan},
		"publish": {hex.EncodeToString(publish.ParentSpanId), hex.EncodeToString(request.SpanId)},
		"attempt": {hex.EncodeToString(attempts[0].ParentSpanId), hex.EncodeToString(publish.SpanId)},
		"retry":   {hex.EncodeToString(attempts[1].ParentSpanId), hex.EncodeToString(publish.SpanId)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("the parent of the %s is %s, want %s", name, pair[0], pair[1])
		}
	}
	for i, p := range posted {
		want := "00-" + publisherTrace + "-" + hex.EncodeToString(attempts[i].SpanId) + "-01"
		if got := p.header.Get("traceparent"); got != want {
			t.Errorf("post %d has the traceparent %q, want %q", i+1, got, want)
		}
	}
}

func TestACollectorThatHangsDelaysNothing(t *testing.T) {
	t.Parallel()
	receiver, posts := receive(t, nil)
	never := make(chan struct{})
	c, folder := collect(t, never), t.TempDir()
	t.Cleanup(func() { close(never) }) // before the collector is closed
	s := serve(t, folder, append(c.environ("s"), "OTEL_EXPORTER_OTLP_TIMEOUT=100", "OTEL_BSP_EXPORT_TIMEOUT=200"))
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	for tries := 0; tries < 3; tries = c.count() {
		a.publish(t)
		next(t, posts)
	}
	s.logs(t, "traces cannot be sent")
	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
	if n := strings.Count(s.stderr.String(), "traces cannot be sent"); n != 1 {
		t.Errorf("%d lines that traces cannot be sent, want 1", n)
	}
}

// grpcCollector is a collector that speaks gRPC.
type grpcCollector struct {
	collectorpb.UnimplementedTraceServiceServer
	requests chan *collectorpb.ExportTraceServiceRequest
}

func (c grpcCollector) Export(
	_ context.Context, request *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	c.requests <- request
	return new(collectorpb.ExportTraceServiceResponse), nil
}

func TestTracesGoOutOverGRPC(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, c := grpc.NewServer(), grpcCollector{requests: make(chan *collectorpb.ExportTraceServiceRequest, 1000)}
	collectorpb.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	s := serve(t, t.TempDir(), []string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://" + listener.Addr().String(), "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc",
		"OTEL_BSP_SCHEDULE_DELAY=50",
	})
	api{url: s.url}.call(t, http.MethodGet, "/healthcheck", nil, nil, http.StatusOK)
	select {
	case request := <-c.requests:
		if name := request.ResourceSpans[0].ScopeSpans[0].Spans[0].Name; name != "GET /healthcheck" {
			t.Errorf("the span is called %s", name)
		}
	case <-time.After(patience):
		t.Errorf("no span arrived within %v", patience)
	}
}

func TestTracesAreExportedOnlyWhereTheEnvironmentSaysSo(t *testing.T) {
	t.Parallel()
	c := collect(t, nil)
	for name, environ := range map[string][]string{
		"NothingSet":  nil,
		"SDKDisabled": append(c.environ("s"), "OTEL_SDK_DISABLED=true"),
		"NoExporter":  append(c.environ("s"), "OTEL_TRACES_EXPORTER=none"),
		"NotSampled":  append(c.environ("s"), "OTEL_TRACES_SAMPLER=always_off"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver, posts := receive(t, nil)
			folder := t.TempDir()
			s := serve(t, folder, environ)
			a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
			a.subscribe(t, receiver)
			a.publish(t)
			header := next(t, posts).header.Get("traceparent")
			if sent := header != ""; sent != (name == "NotSampled") {
				t.Errorf("the receiver gets the traceparent %q", header)
			}
			s.signal(t, syscall.SIGTERM)
			s.exit(t)
			if n := len(c.named("webhooks.publish")); n != 0 {
				t.Errorf("%d publishes were exported", n)
			}
		})
	}
}

func TestAWrongSettingOfTracesStopsTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, setting, want string }{
		{"Exporter", "OTEL_TRACES_EXPORTER=zipkin", `OTEL_TRACES_EXPORTER is "zipkin", must be otlp or none`},
		{"Protocol", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json", `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json", must be http/protobuf or grpc`},
		{"Endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=canary:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be a URL"},
		{"Sampler", "OTEL_TRACES_SAMPLER=some", `OTEL_TRACES_SAMPLER is "some", must be one of`},
		{"Ratio", "OTEL_TRACES_SAMPLER_ARG=2", `OTEL_TRACES_SAMPLER_ARG is "2", must be a number from 0 to 1`},
		{"Attributes", "OTEL_RESOURCE_ATTRIBUTES=canary", "OTEL_RESOURCE_ATTRIBUTES must be pairs"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			r := execute(t, t.TempDir(), []string{
				testSecret, testKeys, "WEBHOOKS_STORE=memory:", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", c.setting,
			}, "serve", "--addr=127.0.0.1:0")
			if r.code != exitWrong || !strings.Contains(r.stderr, "hostexample: "+c.want) || strings.Contains(r.stderr, "canary") {
				t.Errorf("exit %d: %s", r.code, r.stderr)
			}
		})
	}
}
