package guard_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

const kept = hostile.Kept

func TestPost_HostileReceivers(t *testing.T) {
	t.Parallel()
	for _, c := range append(hostile.Plain(), hostile.Secure()...) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			deadline, want := long, c.Error
			if c.Error == hostile.Timeout {
				deadline = short
				if c.Status != 0 || c.Secure != nil { // this has to arrive before
					deadline = 2 * time.Second
				}
				want += deadline.String()
			}
			authority := hostile.NewAuthority(t)
			r := c.Start(authority, nil)
			client := newClient(t, guard.Options{RootCAs: authority.Roots(), Timeout: deadline, ConnectTimeout: long})
			res := post(t, client, c.URL(r))
			got := guard.Describe(res.Err)
			same := got == want || want == "http2: " && strings.HasPrefix(got, want)
			if !same || res.Status != c.Status || len(res.Body) != c.Body && c.Body >= 0 || res.Truncated != c.Truncated {
				t.Errorf("status %d, %d bytes, truncated %t, %q (%v)", res.Status, len(res.Body), res.Truncated, got, res.Err)
			}
			if n := r.Requests.Load(); n != c.Requests() {
				t.Errorf("%d requests on the wire, want %d", n, c.Requests())
			}
			if res.Duration > deadline+time.Second {
				t.Errorf("it took %v", res.Duration)
			}
		})
	}
}

func TestPost_ReceiverThatReadsNothing(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	defer close(held)
	r := newReceiver(t, func(_ *receiver, _ net.Conn) { <-held })
	res := newClient(t, guard.Options{}).Post(t.Context(), guard.Request{
		URL: mustParse(t, r.URL()), Body: make([]byte, 32<<20),
		Timeout: short,
	})
	if got := guard.Describe(res.Err); got != "timeout after 300ms" {
		t.Errorf("%s (%v)", got, res.Err)
	}
}

func TestPost_ResetAfterTheStatus(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		r.Next(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
		<-read // a reset would overtake data that was not read yet
		hostile.Reset(conn)
	})
	resp, err := newClient(t, guard.Options{}).HTTPClient().Get(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, err = io.ReadFull(resp.Body, make([]byte, 5))
	close(read)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	if got := guard.Describe(err); got != "connection reset" {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestPost_NothingIsDecompressed(t *testing.T) {
	t.Parallel()
	bomb := hostile.Bomb()
	accepted := make(chan string, 1)
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		accepted <- r.Next(bufio.NewReader(conn)).Header.Get("Accept-Encoding")
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(bomb), bomb)
	})
	res := post(t, newClient(t, guard.Options{}), r.URL())
	if res.Err != nil || !bytes.Equal(res.Body, bomb) {
		t.Errorf("%d bytes, want %d as they were sent (%v)", len(res.Body), len(bomb), res.Err)
	}
	if got := <-accepted; got != "" {
		t.Errorf("Accept-Encoding: %s", got)
	}
}
