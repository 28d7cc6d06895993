package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

func TestDurationsInTheLogHaveAUnit(t *testing.T) {
	t.Parallel()
	for _, format := range []logFormat{"json", "text"} {
		var out bytes.Buffer
		(&cli{LogFormat: format}).logger(&out).Info("x", "after", 1500*time.Millisecond)
		if !strings.Contains(out.String(), "1.5s") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}

func TestALineWithATraceNamesIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := (&cli{LogFormat: "json"}).logger(&out).With("a", 1).WithGroup("g")
	log.InfoContext(t.Context(), "without")
	if strings.Contains(out.String(), "traceId") {
		t.Errorf("without a trace: %s", &out)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	log.InfoContext(trace.ContextWithSpanContext(t.Context(), span), "with")
	if !strings.Contains(out.String(), `"traceId":"01000000000000000000000000000000"`) {
		t.Errorf("with a trace: %s", &out)
	}
}

func TestTheConfigurationIsLoggedWithoutSecrets(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	allows, second := true, pause(time.Second)
	p := &process{log: slog.New(slog.NewTextHandler(&out, nil)), config: &config{settings: settings{
		Addr: "127.0.0.1:1", JWKS: "https://keys.example.com/Canary?key=Canary", Retention: forever,
		RetrySchedule: waits{time.Second}, ShutdownDelay: &second,
		Timeout: wait(15 * time.Second), Dev: &allows, TrustedProxies: networks{netip.MustParsePrefix("10.0.0.0/8")},
		storeSettings: storeSettings{Store: "postgres://me:Canary@db:5432/Canary?password=Canary", PoolSize: 7},
	}}}
	p.logConfiguration()
	text := out.String()
	for _, want := range []string{
		"addr=127.0.0.1:1", "jwks=https://keys.example.com/…", "retention=forever", "retry-schedule=[1s]", "timeout=15s", "dev=true",
		"shutdown-delay=1s",
		"trusted-proxies=[10.0.0.0/8]", "store=postgres://db:5432/…", "pool-size=7",
	} {
		if !strings.Contains(text, " "+want) {
			t.Errorf("the line lacks %s: %s", want, text)
		}
	}
	if strings.Contains(text, "Canary") || strings.Count(text, "\n") != 1 {
		t.Errorf("logged %s", text)
	}
	for _, unparsable := range []storeAddress{"postgres://me:Canary@[", "postgres://me:Canary%zz@db/"} {
		out.Reset()
		p.Store = unparsable
		if p.logConfiguration(); strings.Contains(out.String(), "Canary") {
			t.Errorf("logged %s", &out)
		}
	}
}

func TestTheAccessLogNamesTheClientBehindTrustedProxies(t *testing.T) {
	t.Parallel()
	for proxies, want := range map[string]string{"127.0.0.0/8,10.0.0.0/8": "203.0.113.7", "10.0.0.0/8": "127.0.0.1"} {
		s := serve(t, t.TempDir(), nil, "--trusted-proxies="+proxies)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+testOrg+"/events?key=Canary", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "198.51.100.1, 203.0.113.7, 10.0.0.1")
		req.Header.Set("X-Request-Id", "found-by-this")
		resp, err := (&http.Client{Timeout: patience}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		s.logs(t, `"requestId":"found-by-this","code":"unauthorized","clientAddress":"`+want+`"`)
		if strings.Contains(s.stderr.String(), "Canary") {
			t.Errorf("the log has the query: %s", s.stderr)
		}
	}
}
