//go:build unix

package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// delivery names an event on its way to one subscription.
type delivery struct{ path, id string }

// arrival is one request at the receiver.
type arrival struct {
	at       time.Time
	answered time.Time // zero while the answer is missing
	failed   bool      // the answer asks for a retry
	body     uint64    // a hash
	event    int       // the number in the body
}

// ledger keeps all requests at the receiver.
type ledger struct {
	mu       sync.Mutex
	arrivals map[delivery][]*arrival
	inFlight int
}

func newLedger() *ledger {
	return &ledger{arrivals: map[delivery][]*arrival{}}
}

// add enters a request and returns it with its position among the requests of the delivery, from 1.
func (l *ledger) add(d delivery, body uint64, event int) (a *arrival, nth int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a = &arrival{at: time.Now(), body: body, event: event}
	l.arrivals[d] = append(l.arrivals[d], a)
	l.inFlight++
	return a, len(l.arrivals[d])
}

// answer enters the time of the answer, which is now, or of the client's end.
func (l *ledger) answer(a *arrival, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.answered, a.failed = time.Now(), failed
	l.inFlight--
}

func (l *ledger) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inFlight
}

// requests returns the number of requests of a path, and of deliveries among them.
func (l *ledger) requests(path string) (requests, deliveries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for d, all := range l.arrivals {
		if d.path == path {
			requests += len(all)
			deliveries++
		}
	}
	return requests, deliveries
}

// since returns the time of the first arrival after a time; zero for none.
func (l *ledger) since(after time.Time) (first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, all := range l.arrivals {
		for _, a := range all {
			if a.at.After(after) && (first.IsZero() || a.at.Before(first)) {
				first = a.at
			}
		}
	}
	return first
}

// missing returns the number of deliveries that did not arrive, of the acknowledged events to the paths.
func (l *ledger) missing(paths []string, acknowledged map[int]acknowledgement) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ack := range acknowledged {
		for _, path := range paths {
			if len(l.arrivals[delivery{path, ack.id}]) == 0 {
				n++
			}
		}
	}
	return n
}

// fault is a time at which the product may lose the results of requests: a kill, or an outage.
type fault struct{ from, to time.Time }

// recordTime is the longest time between an answer and its result in the database that a duplicate is excused
// by: the host collects results, and the database writes batches of them.
const recordTime = 5 * time.Second

// excuses reports whether a fault explains that the second request followed the first.
func (f fault) excuses(first, second *arrival) bool {
	unrecorded := first.answered.IsZero() || !first.answered.Before(f.from.Add(-recordTime))
	return unrecorded && !first.at.After(f.to) && !second.at.Before(f.from)
}

// verdict compares the ledger of the receiver with the ledger of the publisher.
type verdict struct {
	delivered   int // deliveries that arrived
	lost        int // deliveries of acknowledged events that did not arrive
	duplicated  int // requests that follow one of their delivery which did not fail
	unexplained int // duplicated requests that no fault explains
	examples    []string
	altered     int // deliveries with two bodies
	twice       int // events with two webhook-ids
	inFlight    int // requests without an answer at the faults
	takeOver    time.Duration
	waits       []time.Duration // from a fault to the first request, of events that were acknowledged before
	slowest     time.Duration   // the longest time from an acknowledgement to the first request
}

// judge returns the verdict on some paths.
func (l *ledger) judge(paths []string, acknowledged map[int]acknowledgement, faults []fault) (v verdict) {
	v.lost = l.missing(paths, acknowledged)
	slices.SortFunc(faults, func(a, b fault) int { return a.from.Compare(b.from) })
	acks := map[string]time.Time{}
	for _, ack := range acknowledged {
		acks[ack.id] = ack.at
	}
	ids := map[int]string{}
	l.mu.Lock()
	defer l.mu.Unlock()
	for d, all := range l.arrivals {
		if !slices.Contains(paths, d.path) {
			continue
		}
		v.delivered++
		if cmp.Or(ids[all[0].event], d.id) != d.id {
			v.twice++
		}
		ids[all[0].event] = d.id
		v.repeats(all, faults)
		if ack, ok := acks[d.id]; ok {
			v.slowest = max(v.slowest, all[0].at.Sub(ack))
			if wait := takeOver(ack, all[0].at, faults); wait > 0 {
				v.takeOver, v.waits = max(v.takeOver, wait), append(v.waits, wait)
			}
		}
	}
	return v
}

// repeats counts the duplicated requests of a delivery, and its requests without an answer at the faults.
func (v *verdict) repeats(all []*arrival, faults []fault) {
	for i, a := range all {
		for _, f := range faults {
			if !a.at.After(f.from) && (a.answered.IsZero() || a.answered.After(f.from)) {
				v.inFlight++
			}
		}
		if i > 0 && a.body != all[0].body {
			v.altered++
		}
		if i == 0 || all[i-1].failed {
			continue
		}
		v.duplicated++
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.excuses(all[i-1], a) }) {
			v.unexplained++
			v.example(all[i-1], a, faults)
		}
	}
}

// maxExamples bounds the examples of a verdict.
const maxExamples = 10

// example notes when an unexplained duplicate came.
func (v *verdict) example(first, second *arrival, faults []fault) {
	if len(v.examples) == maxExamples {
		return
	}
	var last fault
	for _, f := range faults {
		if !f.from.After(second.at) {
			last = f
		}
	}
	text := fmt.Sprintf("an unexplained duplicate came %v after the first request, whose answer took %v",
		second.at.Sub(first.at), first.answered.Sub(first.at))
	if !last.from.IsZero() {
		text += fmt.Sprintf("; the last fault before the duplicate began %v after the first request, and ended %v after it",
			last.from.Sub(first.at), last.to.Sub(first.at))
	}
	v.examples = append(v.examples, text)
}

// takeOver returns the time from the first fault after the acknowledgement to the first arrival. It is zero
// where the event arrived before any fault. A second fault in between makes it longer.
func takeOver(acknowledged, arrived time.Time, faults []fault) time.Duration {
	for _, f := range faults {
		if f.from.After(acknowledged) {
			return max(0, arrived.Sub(f.to))
		}
	}
	return 0
}
