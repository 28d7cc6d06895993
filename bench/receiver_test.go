package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver counts the deliveries, and measures their time since publish. The first part of
// the path selects its behaviour.
type receiver struct {
	hiccups
	flight gauge

	mu   sync.Mutex
	seed maphash.Seed
	seen map[uint64]struct{} // hashes of path and webhook-id
	got  map[string]*arrivals
}

// arrivals are the deliveries to paths with the same first part.
type arrivals struct {
	count, repeated int
	last            time.Time
	took            []time.Duration
	came            *tally
}

// Arrivals is the receiver's report of its arrivals.
type Arrivals struct {
	Count, Repeated int
	InFlight        int // the greatest number since the last report, over all parts
	Last            time.Time
	Took            []time.Duration // from publish to receipt, in order of length
}

func newReceiver() *receiver {
	return &receiver{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, got: map[string]*arrivals{}}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet {
		r.report(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // cut off: not a delivery
	}
	r.flight.add(1)
	defer r.flight.add(-1)
	if r.fail(w) {
		return
	}
	now, part := time.Now(), group(req.URL.Path)
	r.add(part, req.URL.Path, req.Header.Get("Webhook-Id"), now, sent(body))
	if part == "hang" {
		<-req.Context().Done()
	}
	behaviourOf(part).wait(req)
}

func group(path string) string {
	part, _, _ := strings.Cut(path[1:], "/")
	return part
}

func (r *receiver) add(part, path, id string, now, published time.Time) {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(path) // never fails
	_, _ = h.WriteString(id)
	key := h.Sum64()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.under(part)
	if _, again := r.seen[key]; again {
		got.repeated++
		return
	}
	r.seen[key] = struct{}{}
	got.count++
	got.came.add(1)
	got.last = now
	got.took = append(got.took, now.Sub(published))
}

// under returns the arrivals of a part. The caller holds the lock.
func (r *receiver) under(part string) *arrivals {
	got := r.got[part]
	if got == nil {
		got = &arrivals{came: newTally()}
		r.got[part] = got
	}
	return got
}

// report answers with the arrivals of the part that the query names. With await it answers
// once a number has arrived, with forget it resets the arrivals, and with took it lists the
// durations.
func (r *receiver) report(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	if q.Has("refuse") || q.Has("cut") {
		refuse, _ := strconv.Atoi(q.Get("refuse"))
		cut, _ := strconv.Atoi(q.Get("cut"))
		r.order(refuse, cut)
	}
	r.mu.Lock()
	got := r.under(q.Get("part"))
	r.mu.Unlock()
	if n, _ := strconv.Atoi(q.Get("await")); !got.came.reaches(n) { // 0 if it awaits none
		http.Error(w, "they did not come", http.StatusGatewayTimeout)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := Arrivals{Count: got.count, Repeated: got.repeated, InFlight: r.flight.peak(), Last: got.last}
	if q.Has("took") {
		answer.Took = slices.Sorted(slices.Values(got.took))
	}
	if q.Has("forget") {
		clear(r.seen)
		clear(r.got)
	}
	_ = json.NewEncoder(w).Encode(answer) // the client has gone
}

var sentMark = []byte(`"sent":`)

// sent returns the time of publish that a body holds, or the Unix epoch if it holds none.
func sent(body []byte) time.Time {
	_, rest, _ := bytes.Cut(body, sentMark)
	digits, _, _ := bytes.Cut(rest, []byte(","))
	n, _ := strconv.ParseInt(string(digits), 10, 64) // 0 is the epoch
	return time.Unix(0, n)
}

// payload returns data of a given size that holds the time of publish.
func payload(size int) []byte {
	b := strconv.AppendInt([]byte(`{"sent":`), time.Now().UnixNano(), 10)
	b = append(b, `,"pad":"`...)
	b = append(b, bytes.Repeat([]byte("x"), max(0, size-len(b)-2))...)
	return append(b, `"}`...)
}

// ask gets a report from the receiver.
func (c child) ask(b testing.TB, part string, options ...string) Arrivals {
	b.Helper()
	resp, err := quick.Get(c.url + "/?part=" + url.QueryEscape(part) + "&" + strings.Join(options, "&"))
	check(b, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("the receiver: %s", resp.Status)
	}
	var answer Arrivals
	check(b, json.NewDecoder(resp.Body).Decode(&answer))
	return answer
}

var quick = &http.Client{Timeout: patience + 10*time.Second}

// await waits until n deliveries have arrived.
func (c child) await(b testing.TB, part string, n int) Arrivals {
	b.Helper()
	return c.ask(b, part, fmt.Sprint("await=", n), "took")
}
