package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// counter is a receiver that counts deliveries by webhook-id.
type counter struct {
	mu     sync.Mutex
	bodies map[string]string
	times  map[string]int
	marks  map[int]chan struct{} // by number of ids; closed when as many have arrived
	twin   string                // an id that came with two bodies
}

func newCounter(t *testing.T) (*counter, string) {
	t.Helper()
	c := &counter{bodies: map[string]string{}, times: map[string]int{}, marks: map[int]chan struct{}{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

func (c *counter) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off: not a delivery
	}
	id := r.Header.Get("webhook-id")
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, again := c.bodies[id]; again && first != string(body) {
		c.twin = id
	}
	c.bodies[id] = string(body)
	c.times[id]++
	if mark, ok := c.marks[len(c.times)]; ok && c.times[id] == 1 {
		close(mark)
	}
}

// mark returns a channel that is closed when n different ids have arrived.
func (c *counter) mark(n int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks[n] = make(chan struct{})
	if len(c.times) >= n {
		close(c.marks[n])
	}
	return c.marks[n]
}

// repeated returns the number of repeated deliveries.
func (c *counter) repeated() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.times {
		n += times - 1
	}
	return n
}

// missing returns the number of ids that did not arrive.
func (c *counter) missing(ids []string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if c.times[id] == 0 {
			n++
		}
	}
	return n
}

// twoHosts starts two hosts on a PostgreSQL schema of their own, with a
// subscription to the counter.
func twoHosts(t *testing.T) (hosts [2]*serving, apis [2]api, c *counter) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out: -short")
	}
	environ := []string{
		"WEBHOOKS_DEV=true", "WEBHOOKS_STORE=" + testpg.DSN(t), "WEBHOOKS_SCHEMA=" + testpg.Schema(t),
		"WEBHOOKS_LOG_LEVEL=warn", "WEBHOOKS_WORKERS=64",
	}
	folder := t.TempDir()
	c, url := newCounter(t)
	dropSchema(t, environ)
	for i := range hosts {
		hosts[i] = serve(t, folder, environ)
		apis[i] = api{hosts[i].url, token(t, folder, "--scope=webhooks:admin")}
	}
	apis[0].subscribe(t, url)
	return hosts, apis, c
}

const batch = 1000

// inFlight is the greatest number of requests that a host with 64 workers has made and not
// yet recorded: one for each worker, as many results in their queue, and two batches of
// results that are being written.
const inFlight = 64 + 64 + 2*500

// flood publishes n events in batches to both hosts at once, and returns the acknowledged
// ids. If a host fails on a batch, flood sends the batch to the other host, with the same
// idempotency keys.
func flood(t *testing.T, apis [2]api, n int) []string {
	t.Helper()
	var mu sync.Mutex
	var ids []string
	var publishers sync.WaitGroup
	for start := range apis {
		publishers.Go(func() {
			for first := start * batch; first < n; first += len(apis) * batch {
				got, err := publishBatch(t.Context(), apis, start, first)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, got...)
				mu.Unlock()
			}
		})
	}
	publishers.Wait()
	return ids
}

func publishBatch(ctx context.Context, apis [2]api, preferred, first int) ([]string, error) {
	events := make([]map[string]any, batch)
	for i := range events {
		events[i] = event(first + i)
		events[i]["idempotencyKey"] = fmt.Sprintf("event-%d", first+i)
	}
	var failure error
	for i := range apis {
		status, text, err := apis[(preferred+i)%2].try(ctx, http.MethodPost, testOrg+"/events/batch", map[string]any{"events": events})
		if err != nil || status != http.StatusAccepted {
			failure = fmt.Errorf("batch from %d: %d %s %w", first, status, text, err)
			continue
		}
		return decodeIDs(text)
	}
	return nil, failure
}

func TestTwoHostsDeliverEachEventOnce(t *testing.T) { //nolint:paralleltest // 20,000 events leave other tests too little time
	const n = 20_000
	_, apis, c := twoHosts(t)
	all, start := c.mark(n), time.Now()
	ids := flood(t, apis, n)
	published := time.Since(start)
	await(t, all, time.Minute, c)
	t.Logf("%d events published in %v, delivered in %v", n, published, time.Since(start))
	if len(ids) != n || c.missing(ids) != 0 || c.repeated() != 0 || c.twin != "" {
		t.Errorf("%d acknowledged, %d missing, %d repeated, two bodies: %q", len(ids), c.missing(ids), c.repeated(), c.twin)
	}
}

func TestKillNineLosesNothing(t *testing.T) { //nolint:paralleltest // 20,000 events leave other tests too little time
	const n = 20_000
	hosts, apis, c := twoHosts(t)
	middle, all, start := c.mark(n/4), c.mark(n), time.Now()
	var killed time.Time
	var killer sync.WaitGroup
	killer.Go(func() {
		select {
		case <-middle:
			killed = time.Now()
			if err := hosts[1].cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("there was no middle")
		}
	})
	ids := flood(t, apis, n)
	killer.Wait()
	published := time.Since(start)
	await(t, all, 90*time.Second, c)
	t.Logf("%d events published in %v, killed after %v, all delivered %v later, %d repeated",
		n, published, killed.Sub(start), time.Since(killed), c.repeated())
	if len(ids) != n || c.missing(ids) != 0 || c.twin != "" {
		t.Errorf("%d acknowledged, %d missing, two bodies: %q", len(ids), c.missing(ids), c.twin)
	}
	if c.repeated() > inFlight {
		t.Errorf("%d repeated, at most %d were under way there", c.repeated(), inFlight)
	}
}

func await(t *testing.T, all <-chan struct{}, patience time.Duration, c *counter) {
	t.Helper()
	select {
	case <-all:
	case <-time.After(patience):
		c.mu.Lock()
		defer c.mu.Unlock()
		t.Fatalf("%d ids arrived within %v", len(c.times), patience)
	}
}

func decodeIDs(text []byte) ([]string, error) {
	var ids []string
	for _, part := range strings.Split(string(text), `"id":"`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	if len(ids) != batch {
		return nil, fmt.Errorf("%d ids in the answer, want %d", len(ids), batch)
	}
	return ids, nil
}
