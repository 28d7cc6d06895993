package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// slowClients is the number of connections that try to occupy the host.
const slowClients = 2000

// dial opens a connection and writes the beginning of a request.
func dial(t *testing.T, url, text string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// healthy asks over a connection of its own and returns how long the answer took.
func healthy(t *testing.T, url string) time.Duration {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	start := time.Now()
	resp, err := client.Get(url + "/healthcheck")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	return time.Since(start)
}

const (
	half     = "GET /healthcheck HTTP/1.1\r\nHost: host\r\nX-Slow: "
	halfBody = "POST /api/webhook-processors/success-response HTTP/1.1\r\nHost: host\r\nContent-Length: 1000\r\n\r\n{"
)

func TestSlowlorisLeavesAHealthyClientItsAnswer(t *testing.T) { //nolint:paralleltest // measures the time of an answer
	if testing.Short() {
		t.Skip("left out: -short")
	}
	needFiles(t, slowClients+500)
	s := serve(t, t.TempDir(), nil)
	var slow []net.Conn
	for range slowClients / 2 {
		slow = append(slow, dial(t, s.url, half))
		dial(t, s.url, halfBody)
	}
	for range 20 {
		if took := healthy(t, s.url); took >= time.Second {
			t.Errorf("with %d slow connections a healthy client waited %v", slowClients, took)
		}
	}
	for i, c := range slow { // every connection is cut off, without an answer or with an error
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) || strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Fatalf("slow connection %d lives on: %q, %v", i, answer, err)
		}
	}
}

func TestHeadersAreLimited(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), nil)
	for kib, want := range map[int]int{60: http.StatusOK, 80: http.StatusRequestHeaderFieldsTooLarge} {
		c := dial(t, s.url, "GET /healthcheck HTTP/1.1\r\nHost: host\r\nX-Long: "+strings.Repeat("x", kib<<10)+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != want {
			t.Errorf("a header of %d KiB: %v, %v, want %d", kib, resp, err, want)
		}
	}
}

// The time-outs are too long to wait for. The test checks that they are set.
func TestTheServerBoundsEveryPartOfARequest(t *testing.T) {
	t.Parallel()
	p := &process{config: &config{}, log: slog.New(slog.DiscardHandler)}
	s := p.server(http.NotFoundHandler())
	for name, c := range map[string]struct{ is, most time.Duration }{
		"header": {s.ReadHeaderTimeout, 10 * time.Second}, "body": {s.ReadTimeout, time.Minute},
		"answer": {s.WriteTimeout, 2 * time.Minute}, "idle": {s.IdleTimeout, 5 * time.Minute},
	} {
		if c.is <= 0 || c.is > c.most {
			t.Errorf("%s: %v, want at most %v", name, c.is, c.most)
		}
	}
	if s.MaxHeaderBytes <= 0 {
		t.Error("headers are not bounded")
	}
}

func TestEveryAnswerIsNotToBeSniffed(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), nil)
	for _, path := range []string{"/healthcheck", "/metrics", "/docs", "/api/openapi.json", "/nowhere", "/api/webhook-categories"} {
		resp, err := http.Get(s.url + path) //nolint:forbidigo // to the host of this test
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options is %q", path, got)
		}
	}
}

func TestAPanicEndsItsOwnRequestAlone(t *testing.T) {
	t.Parallel()
	log := new(lockedBuffer)
	p := &process{config: &config{}, log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	server := httptest.NewUnstartedServer(nil)
	server.Config = p.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("on purpose")
		}
		fmt.Fprint(w, "well")
	}))
	server.Start()
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/panic")
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("a panic is answered with %s", resp.Status)
	}
	if resp, err = server.Client().Get(server.URL + "/"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("after a panic: %v, %v", resp, err)
	}
	if !strings.Contains(log.String(), "on purpose") {
		t.Error("the log does not tell of the panic")
	}
}
