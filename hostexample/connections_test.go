package main

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// guarded accepts callers with the token of the test.
type guarded struct{}

func (guarded) Authenticate(r *http.Request) (httpapi.Caller, error) {
	if r.Header.Get("Authorization") != "Bearer right" {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	return httpapi.Caller{Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
}

// crowded runs the interface behind a listener that keeps two connections, in the bubble of
// a test, over plain HTTP and over TLS.
func crowded(t *testing.T, run func(t *testing.T, dial func(request string) net.Conn)) {
	t.Helper()
	for rule, secure := range map[string]*tls.Config{"Plain": nil, "TLS": certified(t)} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			crowdedOver(t, secure, 2, run)
		})
	}
}

func crowdedOver(t *testing.T, secure *tls.Config, maxKept int, run func(t *testing.T, dial func(request string) net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
		if err != nil {
			t.Fatal(err)
		}
		handler, err := httpapi.New(hooks, httpapi.Config{Authenticator: keeping{guarded{}}})
		if err != nil {
			t.Fatal(err)
		}
		listener, server := make(pipes), (&process{log: slog.New(slog.DiscardHandler)}).server(handler)
		done := make(chan error)
		limited := limit(listener, maxKept)
		limited.secure = secure
		go func() { done <- limited.serve(server) }()
		var all []net.Conn
		run(t, func(request string) net.Conn {
			client, accepted := net.Pipe()
			if secure != nil && !strings.HasPrefix(request, handshakeRecord) {
				client = tls.Client(client, &tls.Config{InsecureSkipVerify: true})
			}
			all = append(all, client)
			go func() {
				listener <- accepted
				_, _ = io.WriteString(client, request) // a server that answers first does not read it
			}()
			synctest.Wait()
			return client
		})
		for _, c := range all {
			_ = c.Close()
		}
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second) // the server closes the connections
	})
}

// answer reads the status of an answer and its body, and returns how long they took.
func answer(t *testing.T, c net.Conn) (int, time.Duration) {
	t.Helper()
	began := time.Now()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, time.Since(began)
}

const (
	healthRequest = "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"
	callerRequest = "GET /api/webhook-categories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right\r\n\r\n"
	postHead      = "POST /api/webhook-categories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
	callerPost    = postHead + "Authorization: Bearer right\r\n\r\n{" // its body is incomplete
)

func TestStrangersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	for rule, tt := range map[string]struct {
		sends string
		then  func(*testing.T, net.Conn)
	}{
		"Silent":                   {"", nil},
		"HalfHead":                 {"GET /healthcheck HTTP/1.1\r\nX: ", nil},
		"HalfBodyWithoutAToken":    {postHead + "\r\n{", nil},
		"HalfBodyWithAWrongToken":  {postHead + "Authorization: Bearer wrong\r\n\r\n{", nil},
		"HalfBodyToASink":          {strings.Replace(postHead, "webhook-categories", "webhook-processors/success-response", 1) + "\r\n{", nil},
		"HalfBodyInChunks":         {"POST /api/nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n", nil},
		"DoesNotReadTheAnswer":     {"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n", nil},
		"CallerThatHasItsAnswer":   {callerRequest, func(t *testing.T, c net.Conn) { answer(t, c) }},
		"CallerThatIsNotLetInOnce": {callerRequest + postHead + "\r\n{", func(t *testing.T, c net.Conn) { answer(t, c) }},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			crowded(t, func(t *testing.T, dial func(string) net.Conn) {
				var strangers []net.Conn
				for range 2 + spareConnections {
					c := dial(tt.sends)
					if tt.then != nil {
						tt.then(t, c)
					}
					synctest.Wait()
					strangers = append(strangers, c)
				}
				for i, request := range []string{healthRequest, callerRequest} {
					c := dial(request)
					if status, took := answer(t, c); status != http.StatusOK || took > 0 {
						t.Errorf("client %d is answered with %d after %v", i, status, took)
					}
					go func() { _, _ = io.Copy(io.Discard, c) }() // the alert that ends TLS
					synctest.Wait()
				}
				for i, c := range strangers[:2] { // only the oldest is closed for the caller
					began := time.Now()
					n, err := io.Copy(io.Discard, c)
					if closed := n == 0 && time.Since(began) == 0; closed != (i == 0) {
						t.Errorf("stranger %d is closed: %v (%d bytes, %v)", i, closed, n, err)
					}
				}
			})
		})
	}
}

// A stranger's connection ends after one request, so it is never idle. A caller's connection
// is kept for the next request.
func TestAStrangersConnectionEndsWithItsAnswer(t *testing.T) {
	t.Parallel()
	for request, callers := range map[string]bool{
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                  false, // there is no HTTP/2, and so no streams
		healthRequest:                                       false,
		"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n":             false,
		"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n":          false,
		postHead + "\r\n{}":                                 false,
		strings.Replace(callerRequest, "right", "wrong", 1): false,
		callerRequest:                                       true,
		callerPost + "}":                                    true,
		strings.Replace(callerRequest, "Host: x", "Host: x\r\nConnection: x", 1): true,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			crowded(t, func(t *testing.T, dial func(string) net.Conn) {
				c := dial(request)
				answer(t, c)
				_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // fails if it is closed
				_, err := c.Read(make([]byte, 1))
				if kept := errors.Is(err, os.ErrDeadlineExceeded); kept != callers {
					t.Errorf("the connection is kept: %v (%v)", kept, err)
				}
			})
		})
	}
}

// Headers take memory before a token can be checked.
func TestHeadersOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	const lines = 9000
	many := strings.Repeat("a: b\r\n", lines)
	const head = "POST /api/webhook-categories HTTP/1.1\r\nHost: x\r\n"
	for rule, tt := range map[string]struct {
		first, sends string // sends follows the answer to first
		bounded      bool
	}{
		"Half":                    {"", head + many, true},
		"Whole":                   {"", head + many + "Content-Length: 2\r\n\r\n{", true},
		"OfACallersNextRequest":   {callerRequest, head + many, true},
		"BodiesTakeNothing":       {"", head + "Content-Length: 200000\r\n\r\n" + strings.Repeat("\n", 100000), false},
		"ShortOnesTakeVeryLittle": {"", head + "A: b\r\n", false},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			crowded(t, func(t *testing.T, dial func(string) net.Conn) {
				const most = maxHeaders / (lines * headerLine)
				var strangers []net.Conn
				for range most + 3 {
					c := dial(cmp.Or(tt.first, tt.sends))
					if tt.first != "" {
						answer(t, c)
						go func() { _, _ = io.WriteString(c, tt.sends) }() // the server may not read all of it
						synctest.Wait()
					}
					strangers = append(strangers, c)
				}
				if status, took := answer(t, dial(strings.Replace(callerRequest, "Host: x", "Host: x\r\nX-Long: "+strings.Repeat("x", 60<<10),
					1))); status != http.StatusOK || took > 0 {
					t.Errorf("a caller with a long header is answered with %d after %v", status, took)
				}
				open := 0
				for _, c := range strangers {
					_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // fails if it is closed
					if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
						open++
					}
				}
				if open == 0 || open > most == tt.bounded {
					t.Errorf("%d of %d such requests are kept; bounded to %d: %v", open, len(strangers), most, tt.bounded)
				}
			})
		})
	}
}

// While the server waits for the end of a body, the header takes no memory.
func TestAHeaderIsForgottenWithTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var request *http.Request
		server := &http.Server{ReadTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { request = r })}
		listener, done := make(pipes), make(chan error)
		go func() { done <- limit(listener, 1).serve(server) }()
		client, accepted := net.Pipe()
		listener <- accepted
		if _, err := io.WriteString(client, postHead+"\r\n{"); err != nil {
			t.Fatal(err)
		}
		answer(t, client)
		synctest.Wait()
		if request == nil || request.Header != nil {
			t.Errorf("the server keeps %v", request)
		}
		if _, err := io.WriteString(client, "}"); err != nil {
			t.Errorf("the connection does not wait for the body: %v", err)
		}
		_ = client.Close()
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second) // the server closes the connection
	})
}

func TestACallersConnectionIsKeptWhileItsRequestIsAnswered(t *testing.T) {
	t.Parallel()
	crowded(t, func(t *testing.T, dial func(string) net.Conn) {
		callers := []net.Conn{dial(callerPost), dial(callerPost)}
		for range 3 * spareConnections {
			dial("")
		}
		for i, c := range callers {
			if _, err := io.WriteString(c, "}"); err != nil {
				t.Fatal(err)
			}
			if status, took := answer(t, c); status != http.StatusBadRequest || took > 0 { // it lacks members
				t.Errorf("caller %d is answered with %d after %v", i, status, took)
			}
		}
	})
}

// Callers beyond the limit wait for a request to end, and are told to try again if none ends.
func TestAsManyCallersAsMayBeAreServedAtOnce(t *testing.T) {
	t.Parallel()
	crowded(t, func(t *testing.T, dial func(string) net.Conn) {
		first := dial(callerPost)
		dial(callerPost)
		if status, took := answer(t, dial(healthRequest)); status != http.StatusOK || took > 0 {
			t.Errorf("beside as many callers as may be, a health check is answered with %d after %v", status, took)
		}
		if status, took := answer(t, dial(callerRequest)); status != http.StatusServiceUnavailable || took != 10*time.Second {
			t.Errorf("a third caller is answered with %d after %v", status, took)
		}
		third := dial(callerRequest)
		if _, err := io.WriteString(first, "}"); err != nil {
			t.Fatal(err)
		}
		answer(t, first)
		if status, took := answer(t, third); status != http.StatusOK || took > 0 {
			t.Errorf("when one has ended, the next is answered with %d after %v", status, took)
		}
	})
}

func TestConnectionsThatEndMakeRoom(t *testing.T) {
	t.Parallel()
	crowded(t, func(t *testing.T, dial func(string) net.Conn) {
		for range 2 * spareConnections {
			for _, request := range []string{healthRequest, callerPost} {
				if err := dial(request).Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
		var idle []net.Conn
		for range 2 + spareConnections {
			c := dial(callerRequest)
			if status, took := answer(t, c); status != http.StatusOK || took > 0 {
				t.Fatalf("a caller is answered with %d after %v", status, took)
			}
			idle = append(idle, c)
		}
		for i, c := range idle { // all connections are still open
			if _, err := io.WriteString(c, callerRequest); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			answer(t, c)
		}
	})
}

func TestStrangersKeepNobodyOutOfTheHost(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := serve(t, folder, nil, "--max-connections=100")
	caller := api{s.url, token(t, folder)}
	withToken := strings.Replace(callerRequest, "right", caller.token, 1)
	for _, request := range []string{healthRequest, withToken} { // of a stranger, and of a caller that becomes idle
		for i := range 2 * (100 + spareConnections) {
			c := dial(t, s.url, request)
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if status, _ := answer(t, c); status != http.StatusOK {
				t.Fatalf("connection %d: %d", i, status)
			}
		}
	}
	healthy(t, s.url)
	caller.call(t, http.MethodGet, "/metrics", nil, nil, http.StatusOK)
	caller.call(t, http.MethodGet, "/api/webhook-categories", nil, nil, http.StatusOK)
}
