package delivery_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
	"github.com/ecg-api/webhooks/store"
)

const hostileTimeout = 10 * time.Second // enough for a busy machine

// victim is a subscription with a hostile receiver as its endpoint.
type victim struct {
	hostile.Receiver
	server *hostile.Server
	sub    store.Subscription
}

// Two hundred of them are connected to at once, and begin to misbehave when the
// deliveries to somebody else have all been made. Not parallel: it measures the
// process.
func TestHostileReceivers(t *testing.T) { //nolint:paralleltest // see above
	const many, others = 200, 50
	w := newWorld(t)
	authority := hostile.NewAuthority(t)
	healthy := hostile.Serve(t, func(s *hostile.Server, conn net.Conn) {
		for in := bufio.NewReader(conn); s.Next(in) != nil; {
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	client := guard.NewClient(guard.Options{
		Policy: &guard.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, RootCAs: authority.Roots(),
		ConnectTimeout: 2 * hostileTimeout,
	})
	ended := make(chan delivery.Notice, 10*many)
	e := w.engine(client, func(c *delivery.Config) {
		c.Workers, c.Timeout, c.Schedule = 4*many, hostileTimeout, delivery.Schedule{time.Hour}
		c.Observe = func(n delivery.Notice) {
			if n.Kind == delivery.AttemptEnded {
				ended <- n
			}
		}
	})
	before := presentUsage()
	goroutines := goleak.IgnoreCurrent()

	// Receivers that send without a pause until the time-out begin last, so that they do not take the
	// processor from receivers that end earlier.
	arrived, answer, hang := make(chan struct{}, 2*many), make(chan struct{}), make(chan struct{})
	letAnswer, letHang := sync.OnceFunc(func() { close(answer) }), sync.OnceFunc(func() { close(hang) })
	t.Cleanup(func() { letAnswer(); letHang() })
	answering := 0
	victims := besiege(w, authority, many, func(r hostile.Receiver) func(net.Conn) {
		begin := hang
		if r.Error != hostile.Timeout {
			begin = answer
			answering++
		}
		return func(net.Conn) {
			arrived <- struct{}{}
			<-begin
		}
	})
	org := newID()
	sub := w.subscribe(org, func(s *store.Subscription) { s.PostURI = healthy.URL() })
	peak := watchMemory(t)
	w.must(e.Start(context.Background()))
	for range many {
		<-arrived
	}
	w.publish(org, others)
	e.Wake()
	for range others {
		if n := <-ended; n.SubscriptionID != sub.ID || n.Status != store.Succeeded {
			t.Fatalf("while all others hang: %+v", n)
		}
	}
	letAnswer()
	for range answering {
		<-ended
	}
	letHang()
	for range many - answering {
		<-ended
	}
	if used := peak() - before.memory; used > 100<<20 {
		t.Errorf("%d MiB more than before", used>>20)
	} else {
		t.Logf("%d KiB more than before", used>>10)
	}
	for _, v := range victims {
		v.check(t, w)
	}
	w.must(e.Stop(context.Background()))
	client.CloseIdleConnections()
	_ = healthy.Close()
	for _, v := range victims {
		_ = v.server.Close()
	}
	goleak.VerifyNone(t, goroutines)
	if after := presentUsage(); after.files > before.files-1 { // the listener of the healthy one is closed
		t.Errorf("%d open files, %d before", after.files, before.files)
	}
}

// besiege subscribes many hostile receivers, each for an organization of its own,
// and publishes an event to each.
func besiege(w *world, authority *hostile.Authority, many int, first func(hostile.Receiver) func(net.Conn)) (victims []victim) {
	kinds := append(hostile.Plain(), hostile.Secure()...)
	for i := range many {
		v := victim{Receiver: kinds[i%len(kinds)]}
		v.server = v.Start(authority, first(v.Receiver))
		v.sub = w.subscribe(newID(), func(s *store.Subscription) { s.PostURI = v.URL(v.server) })
		w.publish(v.sub.OrganizationID, 1)
		victims = append(victims, v)
	}
	return victims
}

// check compares the recorded outcome with the receiver's behaviour.
func (v victim) check(t *testing.T, w *world) {
	t.Helper()
	status, text := store.Failed, v.Error
	switch {
	case v.Status/100 == 2:
		status, text = store.Succeeded, ""
	case v.Status != 0:
		text = "HTTP " + strconv.Itoa(v.Status)
	case v.Error == hostile.Timeout:
		text += hostileTimeout.String()
	}
	a := w.attempts(v.sub)[0]
	same := a.Error == text || text == "http2: " && strings.HasPrefix(a.Error, text)
	if a.Status != status || !same || a.HTTPStatus != v.Status || v.Body >= 0 && len(a.Response) != v.Body || len(a.Response) > hostile.Kept {
		t.Errorf("%s: %v %d %q, %d bytes", v.Name, a.Status, a.HTTPStatus, a.Error, len(a.Response))
	}
	if a.Duration > hostileTimeout+time.Second {
		t.Errorf("%s took %v", v.Name, a.Duration)
	}
	if n := v.server.Requests.Load(); n != v.Requests() {
		t.Errorf("%s: %d requests on the wire, want %d", v.Name, n, v.Requests())
	}
	if wait := a.NextRetryAt.Sub(a.PostedAt); v.Name == "AbsurdRetryAfter" &&
		(wait < delivery.MaxRetryAfter || wait > delivery.MaxRetryAfter+hostileTimeout) {
		t.Errorf("%s: tried again after %v", v.Name, wait)
	}
}

// A request that the receiver may have processed is sent once for each attempt: the number
// of the attempt tells a repetition by net/http from the engine's next attempt.
func TestConnectionClosedUnderUsIsNotSentAgainBehindOurBack(t *testing.T) {
	t.Parallel()
	numbers := make(chan string, 10)
	server := hostile.Serve(t, func(s *hostile.Server, conn net.Conn) {
		in := bufio.NewReader(conn)
		for answers := 1; ; answers-- {
			req := s.Next(in)
			if req == nil {
				return
			}
			numbers <- req.Header.Get(delivery.HeaderAttempt)
			if answers == 0 {
				return // which closes the connection that was kept
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	w := newWorld(t)
	client := guard.NewClient(guard.Options{Policy: &guard.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}})
	t.Cleanup(client.CloseIdleConnections)
	ended := make(chan delivery.Notice, 10)
	e := w.engine(client, func(c *delivery.Config) {
		c.Schedule = delivery.Schedule{10 * time.Millisecond}
		c.Observe = func(n delivery.Notice) {
			if n.Kind == delivery.AttemptEnded {
				ended <- n
			}
		}
	})
	w.must(e.Start(context.Background()))
	org := uuid.New()
	w.subscribe(org, func(s *store.Subscription) {
		s.PostURI, s.Headers = server.URL(), map[string]string{"Idempotency-Key": "k", "X-Idempotency-Key": "k"} // as if the row had been edited
	})
	for _, want := range []struct {
		number, reason string
	}{{"1", ""}, {"1", "connection closed before the response ended"}, {"2", ""}} {
		if want.number == "1" {
			w.publish(org, 1)
			e.Wake()
		}
		n := <-ended
		if got := <-numbers; n.Reason != want.reason || got != want.number {
			t.Fatalf("attempt %s: %q, want %s, %q", got, n.Reason, want.number, want.reason)
		}
	}
	if n := server.Requests.Load(); n != 3 {
		t.Errorf("%d requests on the wire", n)
	}
}

// usage counts the resources of a process.
type usage struct {
	memory int64 // bytes
	files  int   // 0 where that cannot be told
}

func presentUsage() usage {
	runtime.GC()
	open, _ := os.ReadDir("/proc/self/fd")
	return usage{memoryInUse(), len(open)}
}

func memoryInUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// watchMemory returns a function that ends the watch and returns the peak of memory in use, with
// garbage.
func watchMemory(t *testing.T) (peak func() int64) {
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		var highest int64
		for {
			select {
			case <-tick.C:
				highest = max(highest, memoryInUse())
			case <-stop:
				most <- highest
				return
			}
		}
	}()
	ended := sync.OnceValue(func() int64 { close(stop); return <-most })
	t.Cleanup(func() { ended() })
	return ended
}
