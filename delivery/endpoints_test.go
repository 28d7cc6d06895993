package delivery_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"github.com/ecg-api/webhooks/delivery"
)

// simulated is an endpoint that exists in numbers only.
type simulated struct {
	name    string
	changed time.Duration // when it changed for the last time
	answer  response
}

// response returns how long a request takes, and whether it succeeds.
type response func(r *rand.Rand, q query) (took time.Duration, success bool)

// query is a request at an endpoint.
type query struct {
	at       time.Duration
	nth      int // of all
	inFlight int // requests, with this one
	served   int // requests in flight that will succeed, without this one
}

const instant = time.Millisecond

// always answers in a time that depends on chance alone.
func always(took func(r *rand.Rand) time.Duration) response {
	return func(r *rand.Rand, _ query) (time.Duration, bool) { return took(r), true }
}

// loaded answers in a time that depends on how many requests it has.
func loaded(took func(inFlight float64) float64) response {
	return func(r *rand.Rand, q query) (time.Duration, bool) {
		return time.Duration(took(float64(q.inFlight)) * 1e9 * math.Exp(0.3*r.NormFloat64()-0.045)), true
	}
}

func constant(d time.Duration) response {
	return always(func(*rand.Rand) time.Duration { return d })
}

// mixed answers a share of the requests in one time and the remaining requests in another.
func mixed(share float64, one, other time.Duration) response {
	return always(func(r *rand.Rand) time.Duration {
		if r.Float64() < share {
			return one
		}
		return other
	})
}

func lognormal(median time.Duration, sigma float64) response {
	return always(func(r *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
	})
}

// between answers in its own way for a while, and before and after that as usual.
func between(from, to time.Duration, took time.Duration, success bool, usual time.Duration) response {
	return func(_ *rand.Rand, q query) (time.Duration, bool) {
		if q.at >= from && q.at < to {
			return took, success
		}
		return usual, true
	}
}

// universal is the time that a request takes by the universal scalability law: the
// throughput has its peak at ten requests in flight and declines beyond.
func universal(n float64) float64 { return 0.1 * (1 + 0.05*(n-1) + 0.01*n*(n-1)) }

var simulatedEndpoints = []simulated{
	{"constant 200 ms", 0, constant(200 * time.Millisecond)},
	{"constant 1 s", 0, constant(time.Second)},
	{"bimodal, 5 % at once", 0, mixed(0.05, instant, 200*time.Millisecond)},
	{"bimodal, 30 % at once", 0, mixed(0.3, instant, 200*time.Millisecond)},
	{"bimodal, 5 % in 3 s", 0, mixed(0.05, 3*time.Second, 100*time.Millisecond)},
	{"lognormal, 300 ms, 0.6", 0, lognormal(300*time.Millisecond, 0.6)},
	{"lognormal, 300 ms, 1.2", 0, lognormal(300*time.Millisecond, 1.2)},
	{"slow start", 5 * time.Second, between(0, 5*time.Second, 2*time.Second, true, 100*time.Millisecond)},
	{"becomes slower", 20 * time.Second, between(0, 20*time.Second, 50*time.Millisecond, true, 300*time.Millisecond)},
	{"slow for 10 s", 20 * time.Second, between(10*time.Second, 20*time.Second, 3*time.Second, true, 100*time.Millisecond)},
	{"restarts for 1 s", 21 * time.Second, between(20*time.Second, 21*time.Second, instant, false, 200*time.Millisecond)},
	{"restarts for 5 s", 25 * time.Second, between(20*time.Second, 25*time.Second, instant, false, 200*time.Millisecond)},
	// The requests that began at the end of the 20 s still hang for 15 s.
	{"hangs for 20 s", 55 * time.Second, between(20*time.Second, 40*time.Second, 15*time.Second, false, 200*time.Millisecond)},
	{"eight failures at once", 20 * time.Second, func(_ *rand.Rand, q query) (time.Duration, bool) {
		if q.nth >= 5000 && q.nth < 5008 {
			return instant, false
		}
		return 200 * time.Millisecond, true
	}},
	{"nine of 64 connections cut", 20 * time.Second, func(_ *rand.Rand, q query) (time.Duration, bool) {
		if q.nth >= 5000 && q.nth < 5009 {
			return 20 * time.Millisecond, false
		}
		return 200 * time.Millisecond, true
	}},
	{"30 % fail, whatever the load", 0, func(r *rand.Rand, _ query) (time.Duration, bool) {
		return 200 * time.Millisecond, r.Float64() > 0.3
	}},
	{"8 at a time, the others fail", 0, func(_ *rand.Rand, q query) (time.Duration, bool) {
		if q.served >= 8 {
			return 5 * time.Millisecond, false
		}
		return 100 * time.Millisecond, true
	}},
	{"8 at a time, the others wait", 0, loaded(func(n float64) float64 { return 0.1 * max(1, n/8) })},
	{"saturates slowly", 0, loaded(func(n float64) float64 { return 0.01 * (n + 8) })},
	{"declines beyond 10", 0, loaded(universal)},
	{"no longer declines", 40 * time.Second, func(r *rand.Rand, q query) (time.Duration, bool) {
		if q.at > 40*time.Second {
			return 100 * time.Millisecond, true
		}
		return loaded(universal)(r, q)
	}},
}

// exchange is a request in flight.
type exchange struct {
	began, ends time.Duration
	epoch       int
	success     bool
}

// exchanges are ordered by their ends.
type exchanges []exchange

func (e exchanges) Len() int           { return len(e) }
func (e exchanges) Less(i, j int) bool { return e[i].ends < e[j].ends }
func (e exchanges) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *exchanges) Push(x any) { *e = append(*e, x.(exchange)) }

// Pop implements heap.Interface.
func (e *exchanges) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// run is a time in which there is always a request to send.
type run struct {
	simulated
	limiter *delivery.Limiter // nil for a fixed limit
	fixed   int
	random  *rand.Rand

	now         time.Duration
	flight      exchanges
	nth, served int
}

func (r *run) limit() int {
	if r.limiter == nil {
		return r.fixed
	}
	return r.limiter.Limit()
}

// fill sends as many requests as may be in flight.
func (r *run) fill() {
	for r.flight.Len() < r.limit() {
		took, success := r.answer(r.random, query{r.now, r.nth, r.flight.Len() + 1, r.served})
		e := exchange{began: r.now, ends: r.now + max(took, 100*time.Microsecond), success: success}
		if success {
			r.served++
		}
		if r.limiter != nil {
			e.epoch = r.limiter.Epoch()
		}
		heap.Push(&r.flight, e)
		r.nth++
	}
}

// next goes to the end of the next request.
func (r *run) next() exchange {
	full := r.flight.Len() >= r.limit()
	e := heap.Pop(&r.flight).(exchange)
	r.now = e.ends
	if e.success {
		r.served--
	}
	if r.limiter != nil {
		r.limiter.End(e.epoch, e.ends-e.began, e.success, full, time.Unix(0, 0).Add(r.now))
	}
	return e
}

// throughput returns how many requests succeed in a second, between two moments, and the
// mean of the limit. Without a limiter the limit is fixed.
func (s simulated) throughput(l *delivery.Limiter, fixed int, seed uint64, from, to time.Duration) (rate, limit float64) {
	r := &run{simulated: s, limiter: l, fixed: fixed, random: rand.New(rand.NewPCG(seed, 0))}
	successes, limitTime := 0, 0.0
	for r.now < to {
		r.fill()
		before, present := max(r.now, from), r.limit()
		if e := r.next(); r.now > from {
			limitTime += float64(present) * (r.now - before).Seconds()
			if e.success {
				successes++
			}
		}
	}
	seconds := (to - from).Seconds()
	return float64(successes) / seconds, limitTime / seconds
}
