package delivery

import (
	"math"
	"time"
)

const (
	// rateBurst is for how long a rate may be saved up.
	rateBurst = 100 * time.Millisecond
	// planHorizon bounds how far ahead anything is planned.
	planHorizon = 30 * 24 * time.Hour
)

// A bucket is a token bucket: one attempt may begin in each interval, and after a pause
// as many at once as rateBurst saves up. It is kept as the time at which it is full again.
//
// It does no I/O, takes no lock and reads no clock.
type bucket struct {
	interval time.Duration // between two attempts
	burst    time.Duration // how far an attempt may be ahead of its interval
	full     time.Time
}

// set changes the rate, in attempts a second. Tokens that are used stay used, up to one interval
// of the new rate.
func (b *bucket) set(rate float64, now time.Time) {
	b.interval = intervalOf(rate)
	b.burst = max(rateBurst-b.interval, 0)
	if latestFull := now.Add(b.interval + b.burst); b.full.After(latestFull) {
		b.full = latestFull
	}
}

// wait returns how long an attempt has to wait that stands behind n other attempts, where none
// may begin before a time.
func (b *bucket) wait(n int, notBefore, now time.Time) time.Duration {
	if n > int(planHorizon/b.interval) {
		return planHorizon
	}
	first := max(b.full.Sub(now), notBefore.Sub(now), 0)
	return max(first+time.Duration(n)*b.interval-b.burst, notBefore.Sub(now), 0)
}

// take counts an attempt that begins now.
func (b *bucket) take(now time.Time) { b.full = latest(b.full, now).Add(b.interval) }

// pause lets no attempt begin for some time.
func (b *bucket) pause(length time.Duration, now time.Time) {
	b.full = latest(b.full, now.Add(b.burst+length))
}

// intervalOf returns the time between two attempts at a rate, from 1 ns to planHorizon.
func intervalOf(rate float64) time.Duration {
	return time.Duration(math.Ceil(min(max(float64(time.Second)/rate, 1), float64(planHorizon))))
}
