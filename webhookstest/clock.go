package webhookstest

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// patience is how long the kit waits, by package time, for the library to come to rest.
const patience = 10 * time.Second

// Clock is the time of a [Kit]. A clock of [NewClock] stands still until it is moved. Then every wait of the library
// that ends on the way ends at its own time, in order, and the clock goes on only when all that followed has been done.
//
// The clock of a Kit with [PackageTime] is package time: the machine's, or that of a testing/synctest bubble.
type Clock struct {
	t      TB
	manual bool
	wake   func()     // makes the dispatcher look for due attempts; nil before it is there
	moving sync.Mutex // held by Advance

	mu     sync.Mutex
	now    time.Time
	timers []*timer      // that have not fired, by their times and then by their age
	active int           // goroutines of the library that do not wait
	begun  int           // how often one was counted
	rest   chan struct{} // closed when active becomes 0; nil if no goroutine waits for that
	stir   chan struct{} // closed when begun changes; nil likewise
}

var (
	_ clock.Clock    = (*Clock)(nil)
	_ clock.Activity = (*Clock)(nil)
)

// NewClock returns a clock that shows the time, and stands still.
func NewClock(t TB, start time.Time) *Clock { return &Clock{t: t, manual: true, now: start} }

// Now returns the current time.
func (c *Clock) Now() time.Time {
	if !c.manual {
		return time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d. It returns when the library is at rest at the new time: nothing more happens until the
// clock moves on, or the test does something. It fails the test if the library does not come to rest within 10 s of
// package time. With [PackageTime] it sleeps for d.
func (c *Clock) Advance(d time.Duration) {
	c.t.Helper()
	if d < 0 {
		c.t.Fatalf("webhookstest: Advance(%v): time does not run backwards", d)
	}
	c.moving.Lock()
	defer c.moving.Unlock()
	if c.wake != nil {
		c.wake()
	}
	if !c.manual {
		time.Sleep(d)
		c.settle(c.t)
		return
	}
	c.settle(c.t)
	for end := c.Now().Add(d); c.step(end); {
		c.settle(c.t)
	}
}

// step moves the clock to the next time at which something is due, and does that. If nothing is due until end, it moves
// the clock there and returns false.
func (c *Clock) step(end time.Time) bool {
	c.mu.Lock()
	if len(c.timers) == 0 || c.timers[0].at.After(end) {
		c.now = end
		c.mu.Unlock()
		return false
	}
	c.now = c.timers[0].at
	n := 0
	for n < len(c.timers) && !c.timers[n].at.After(c.now) {
		c.timers[n].waits = false
		n++
	}
	due := slices.Clone(c.timers[:n])
	c.timers = slices.Delete(c.timers, 0, n)
	c.mu.Unlock()
	for _, t := range due {
		t.f()
	}
	return true
}

// settle waits until no goroutine of the library is active.
func (c *Clock) settle(t TB) {
	t.Helper()
	if !c.await(&c.rest, nil, func() bool { return c.active == 0 }) {
		c.mu.Lock()
		active := c.active
		c.mu.Unlock()
		t.Fatalf("webhookstest: %d goroutines of the library still run after %v; does a Sender, an Observer or a store not return?",
			active, patience)
	}
}

// await waits until a condition holds, and returns false if it does not before late; nil stands for patience. The channel
// changed is closed when the condition may have become true.
func (c *Clock) await(changed *chan struct{}, late <-chan time.Time, holds func() bool) bool {
	for {
		c.mu.Lock()
		if holds() {
			c.mu.Unlock()
			return true
		}
		if *changed == nil {
			*changed = make(chan struct{})
		}
		wait := *changed
		c.mu.Unlock()
		if late == nil {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-wait:
		case <-late:
			return false
		}
	}
}

// Begin implements [clock.Activity].
func (c *Clock) Begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin()
}

func (c *Clock) begin() {
	c.active++
	c.begun++
	release(&c.stir)
}

// beginnings returns how often a goroutine of the library began to be active.
func (c *Clock) beginnings() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

// End implements [clock.Activity].
func (c *Clock) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active--; c.active == 0 {
		release(&c.rest)
	}
}

func release(waiting *chan struct{}) {
	if *waiting != nil {
		close(*waiting)
		*waiting = nil
	}
}

// AfterFunc implements [clock.Clock]. The goroutine that moves the clock calls f.
func (c *Clock) AfterFunc(d time.Duration, f func()) clock.Timer {
	if !c.manual {
		return time.AfterFunc(d, func() { c.run(f) })
	}
	t := &timer{clock: c, f: f}
	t.Reset(d)
	return t
}

// run calls f as a goroutine of the library.
func (c *Clock) run(f func()) {
	c.Begin()
	defer c.End()
	f()
}

// A timer is a call of a function that a clock makes when it is moved to a time.
type timer struct {
	clock *Clock
	f     func()
	at    time.Time
	waits bool // it is among the timers of the clock
}

// Stop implements [clock.Timer].
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

// Reset implements [clock.Timer].
func (t *timer) Reset(d time.Duration) bool {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	waited := t.remove()
	if d <= 0 {
		c.begin() // until f has returned
		go func() {
			defer c.End()
			t.f()
		}()
		return waited
	}
	t.at, t.waits = c.now.Add(d), true
	i, _ := slices.BinarySearchFunc(c.timers, t, func(other, t *timer) int { return cmp.Or(other.at.Compare(t.at), -1) })
	c.timers = slices.Insert(c.timers, i, t)
	return waited
}

func (t *timer) remove() bool {
	if t.waits {
		t.clock.timers = slices.DeleteFunc(t.clock.timers, func(other *timer) bool { return other == t })
	}
	waited := t.waits
	t.waits = false
	return waited
}
