package bench_test

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// behaviour is the way in which an endpoint answers. The first part of its path names it:
//
//	hang             never
//	wait-300-60      after a time that is lognormal: median 300 ms, sigma 0.60
//	mixed-5-200      5 % at once and 95 % after 200 ms
//
// Any other endpoint answers at once.
type behaviour struct {
	median, sigma float64 // of a wait, in seconds
	instant       float64 // share of the answers that come at once
}

func behaviourOf(part string) (b behaviour) {
	words := strings.Split(part, "-")
	if len(words) != 3 {
		return b
	}
	first, _ := strconv.ParseFloat(words[1], 64) // the benchmarks write numbers
	second, _ := strconv.ParseFloat(words[2], 64)
	switch words[0] {
	case "wait":
		b.median, b.sigma = first/1000, second/100
	case "mixed":
		b.median, b.instant = second/1000, first/100
	}
	return b
}

// wait returns when it is time to answer, or the client has gone.
func (b behaviour) wait(req *http.Request) {
	if b.median == 0 || rand.Float64() < b.instant {
		return
	}
	timer := time.NewTimer(time.Duration(b.median * math.Exp(b.sigma*rand.NormFloat64()) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
	}
}

// hiccups are failures that the benchmark orders.
type hiccups struct {
	mu           sync.Mutex
	refuse, cuts int // requests to be answered with 503, and connections to be cut
}

// order makes the next requests fail.
func (h *hiccups) order(refuse, cuts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse, h.cuts = refuse, cuts
}

// fail reports whether it failed the request.
func (h *hiccups) fail(w http.ResponseWriter) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.refuse > 0:
		h.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	case h.cuts > 0:
		h.cuts--
		panic(http.ErrAbortHandler)
	}
	return false
}

// gauge counts the requests in flight, and the greatest number of them.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}

// peak returns the greatest number of requests in flight since the last call.
func (g *gauge) peak() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	most := g.most
	g.most = g.now
	return most
}
