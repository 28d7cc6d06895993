package main

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// pipes is a listener with pipes as connections, which work in the time of a test's bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error { close(p); return nil }

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

type anybody struct{}

func (anybody) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller{Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
}

// The server's time-outs end a connection with a client that is slow, or never ends its
// request.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	const post = "POST /api/webhook-categories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for rule, tt := range map[string]struct {
		sends, goesOn string // sends at once, goesOn a byte each second
		status        string // "" for none
		after         time.Duration
	}{
		"HeadBySecond":    {"GET /healthcheck HTTP/1.1\r\nX: ", strings.Repeat("x", 100), "", 5 * time.Second},
		"BodyBySecond":    {post + "Content-Length: 100\r\n\r\n", strings.Repeat(" ", 100), "HTTP/1.1 400 ", 30 * time.Second},
		"ChunksBySecond":  {post + "Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\n \r\n", 100), "HTTP/1.1 400 ", 30 * time.Second},
		"BodyNeverBegins": {post + "Content-Length: 100\r\n\r\n", "", "HTTP/1.1 400 ", 30 * time.Second},
		"HugeHead": {
			"GET /healthcheck HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10) + strings.Repeat("x", 8<<10), "",
			"HTTP/1.1 431 ", 0,
		},
		"SaysNothing": {"", "", "", 5 * time.Second},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
				if err != nil {
					t.Fatal(err)
				}
				handler, err := httpapi.New(hooks, httpapi.Config{Authenticator: anybody{}})
				if err != nil {
					t.Fatal(err)
				}
				listener, server := make(pipes), (&process{log: slog.New(slog.DiscardHandler)}).server(handler)
				done := make(chan error)
				go func() { done <- server.Serve(listener) }()
				client, accepted := net.Pipe()
				listener <- accepted
				began := time.Now()
				var writes sync.WaitGroup
				writes.Go(func() {
					_, _ = io.WriteString(client, tt.sends)
					for i := range len(tt.goesOn) {
						time.Sleep(time.Second)
						if _, err := io.WriteString(client, tt.goesOn[i:i+1]); err != nil {
							return
						}
					}
				})
				line, _ := bufio.NewReader(client).ReadString('\n')
				took := time.Since(began)
				if !strings.HasPrefix(line, tt.status) || tt.status == "" && line != "" || took < tt.after || took > tt.after+time.Second {
					t.Errorf("answered %q after %v, want %q after %v", line, took, tt.status, tt.after)
				}
				_ = client.Close()
				writes.Wait()
				_ = server.Close()
				if err := <-done; !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
				time.Sleep(time.Second) // the server closes the connection
			})
		})
	}
}
