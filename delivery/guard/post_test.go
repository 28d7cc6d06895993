package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

func TestPost_SendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	type sent struct {
		method, host, uri, body string
		length                  int64
		header                  http.Header
	}
	got := make(chan sent, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- sent{r.Method, r.Host, r.RequestURI, string(body), r.ContentLength, r.Header}
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "later")
	}))
	t.Cleanup(srv.Close)
	header := http.Header{"Webhook-Id": {"msg_1"}, "User-Agent": {"test"}, "Content-Type": {"application/json"}}
	client := newClient(t, guard.Options{})
	for body, length := range map[string]int64{`{"id":1}`: 8, "": -1, strings.Repeat("x", 1<<20): 1 << 20} {
		res := client.Post(t.Context(), guard.Request{URL: mustParse(t, srv.URL+"/a%2Fb?q=1"), Header: header, Body: []byte(body)})
		if res.Status != 503 || res.RetryAfter != "120" || res.Header.Get("Content-Type") == "" || string(res.Body) != "later" ||
			res.Truncated || res.Err != nil || res.Duration <= 0 {
			t.Errorf("%+v", res)
		}
		s := <-got
		if s.method != "POST" || "http://"+s.host != srv.URL || s.uri != "/a%2Fb?q=1" || s.body != body || s.length != length {
			t.Errorf("sent %.300v", s)
		}
		s.header.Del("Content-Length")
		if len(s.header) != len(header) || len(header) != 3 {
			t.Errorf("sent %v, want nothing but %v", s.header, header)
		}
	}
	if res := client.Post(t.Context(), guard.Request{URL: mustParse(t, srv.URL)}); res.Status != 503 { // no header at all
		t.Errorf("%+v", res)
	}
}

func TestPost_TellsWhenTheRequestWasSent(t *testing.T) {
	t.Parallel()
	var arrived time.Time
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived = time.Now() }))
	t.Cleanup(srv.Close)
	began := time.Now()
	res := post(t, newClient(t, guard.Options{}), srv.URL)
	if res.SentAt.Before(began) || res.SentAt.After(arrived) {
		t.Errorf("sent at %v, began at %v, arrived at %v", res.SentAt, began, arrived)
	}
}

func TestPost_JoinsTheLinesOfRetryAfter(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, answer("HTTP/1.1 429 Busy\r\n"+
		"Retry-After: 1\r\nRetry-After: Sun, 01 Mar 2026 14:00:00 GMT\r\nContent-Length: 0\r\n\r\n"))
	if res := post(t, newClient(t, guard.Options{}), r.URL()); res.RetryAfter != "1, Sun, 01 Mar 2026 14:00:00 GMT" {
		t.Errorf("%q", res.RetryAfter)
	}
}

func TestPost_KeepsTheConnectionWhenTheBodyFits(t *testing.T) {
	t.Parallel()
	for size, connections := range map[int]int32{0: 1, 1: 1, kept - 1: 1, kept: 1, 2 * kept: 3, 1 << 20: 3} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			for _, framing := range []string{
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size)),
				fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n", chunk(size)),
			} {
				r := newReceiver(t, answer("HTTP/1.1 200 OK\r\n"+framing))
				client := newClient(t, guard.Options{})
				for range 3 {
					res := post(t, client, r.URL())
					if res.Err != nil || len(res.Body) != min(size, kept) || (res.Body == nil) != (size == 0) || res.Truncated != (size > kept) {
						t.Errorf("%d bytes, truncated %t, %v", len(res.Body), res.Truncated, res.Err)
					}
				}
				if got := r.Connections.Load(); got != connections {
					t.Errorf("%d connections, want %d", got, connections)
				}
			}
		})
	}
}

func chunk(size int) string {
	if size == 0 {
		return ""
	}
	return fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size))
}

// net/http repeats a request after its connection has ended without a response, if it has an
// Idempotency-Key and GetBody, or no body. The receiver has read the request here.
func TestPost_ExactlyOneRequestOnTheWire(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(net.Conn){"Closed": hostile.HangUp, "Reset": hostile.Reset} {
		for _, body := range []string{"", `{"id":1}`} {
			t.Run(how+strconv.Itoa(len(body)), func(t *testing.T) {
				t.Parallel()
				r := newReceiver(t, func(r *receiver, conn net.Conn) {
					in := bufio.NewReader(conn)
					r.Next(in)
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					if r.Next(in) != nil {
						end(conn) // under a connection that was kept alive
					}
				})
				client := newClient(t, guard.Options{})
				req := guard.Request{
					URL: mustParse(t, r.URL()), Body: []byte(body),
					Header: http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"k"}},
				}
				if res := client.Post(t.Context(), req); res.Status != 204 {
					t.Fatalf("%+v", res)
				}
				if res := client.Post(t.Context(), req); res.Err == nil || res.Status != 0 {
					t.Errorf("%+v", res)
				}
				if got := r.Requests.Load(); got != 2 {
					t.Errorf("%d requests on the wire for two posts", got)
				}
			})
		}
	}
}

func TestPost_KeepsNoCookies(t *testing.T) {
	t.Parallel()
	cookies := make(chan string, 2)
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		in := bufio.NewReader(conn)
		for req := r.Next(in); req != nil; req = r.Next(in) {
			cookies <- req.Header.Get("Cookie")
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n")
		}
	})
	client := newClient(t, guard.Options{})
	for range 2 {
		post(t, client, r.URL())
		if got := <-cookies; got != "" {
			t.Errorf("Cookie: %s", got)
		}
	}
}

func TestPost_CallersContext(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		r.Next(bufio.NewReader(conn))
		asked <- struct{}{}
		hostile.Wait(conn)
	})
	client := newClient(t, guard.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	res := client.Post(ctx, guard.Request{URL: mustParse(t, r.URL()), Body: []byte("x")})
	if !errors.Is(res.Err, context.Canceled) || guard.Describe(res.Err) != "canceled" {
		t.Errorf("%v", res.Err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), short)
	defer cancel()
	res = client.Post(ctx, guard.Request{URL: mustParse(t, r.URL()), Body: []byte("x")})
	if !errors.Is(res.Err, context.DeadlineExceeded) || guard.Describe(res.Err) != "timeout" {
		t.Errorf("%v", res.Err)
	}
}

func TestPost_SharedHeaderAndClientUnderLoad(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	client := newClient(t, guard.Options{})
	req := guard.Request{URL: mustParse(t, r.URL()), Header: http.Header{"X-One": {"1"}}, Body: bytes.Repeat([]byte("x"), 2048)}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 50 {
				if res := client.Post(t.Context(), req); res.Status != 200 || string(res.Body) != "hello" {
					t.Errorf("%+v", res)
				}
			}
		})
	}
	all.Wait()
	if r.Requests.Load() != 800 || r.Connections.Load() > 80 { // net/http dials one too many now and then
		t.Errorf("%d requests on %d connections", r.Requests.Load(), r.Connections.Load())
	}
}

func TestHTTPClient_BoundsTheResponse(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		r.Next(bufio.NewReader(conn))
		hostile.Sends("HTTP/1.1 200 OK\r\n\r\n", hostile.Endless("body"))(conn)
	})
	resp, err := newClient(t, guard.Options{}).HTTPClient().Get(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); !tooLarge || len(body) != 1<<20 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestHTTPClient_DescribeQuotesNoURL(t *testing.T) {
	t.Parallel()
	client := newClient(t, guard.Options{Policy: new(guard.Policy)}).HTTPClient()
	for raw, want := range map[string]string{
		"http://user:hunter2@127.0.0.1:8080/?hunter2": "blocked address 127.0.0.1",
		"gopher://user:hunter2@127.0.0.1:8080/":       "request failed",
	} {
		_, err := client.Get(raw)
		if got := guard.Describe(err); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
