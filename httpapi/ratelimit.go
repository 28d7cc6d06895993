package httpapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	maxRateLimit = 1e6
	minRateLimit = 0.001

	burstTime  = 2 * time.Second // a full bucket holds the requests of this time
	minBurst   = 10              // requests in a full bucket, at least
	maxBuckets = 16_384          // in each generation of a limiter
)

// A limiter has a token bucket for each key. It remembers at least the last maxBuckets keys, and at
// most twice as many: when the newer generation is full, it replaces the former one. A bucket
// that is forgotten is full again.
type limiter struct {
	interval time.Duration // in which a token is added
	capacity time.Duration // in which an empty bucket becomes full

	mu            sync.Mutex
	newer, former map[bucketKey]time.Time // when the bucket becomes full
}

// bucketKey is a UUID or an IPv6 address.
type bucketKey [16]byte

// newLimiter returns a limiter to a rate of requests per second, nil for 0.
func newLimiter(rate float64) *limiter {
	if rate == 0 {
		return nil
	}
	interval := time.Duration(float64(time.Second) / rate)
	return &limiter{
		interval: interval, capacity: max(burstTime, minBurst*interval), newer: map[bucketKey]time.Time{},
	}
}

// take takes a token from the bucket of a key, or returns a *rateLimitError. No limiter limits
// nothing.
func (l *limiter) take(key bucketKey, now time.Time) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.newer[key]
	if !known {
		full = l.former[key]
		if len(l.newer) >= maxBuckets {
			l.former, l.newer = l.newer, map[bucketKey]time.Time{}
		}
	}
	if full.Before(now) {
		full = now
	}
	wait := full.Add(l.interval).Sub(now) - l.capacity
	if wait <= 0 {
		full = full.Add(l.interval)
	}
	l.newer[key] = full
	if wait > 0 {
		return &rateLimitError{wait}
	}
	return nil
}

// rateLimitError says that a bucket is empty.
type rateLimitError struct{ wait time.Duration } // until there is a token

func (e *rateLimitError) Error() string { return "rate limit: no request for " + e.wait.String() }

// problem returns the answer. Retry-After is in whole seconds, at least 1.
func (e *rateLimitError) problem() *problem {
	p := newProblem(http.StatusTooManyRequests, "rate_limited", "Too many requests; Retry-After says when to try again.")
	p.retryAfter = strconv.Itoa(int(math.Ceil(e.wait.Seconds())))
	return p
}

// checkRateLimit checks Config.RateLimit.
func (c Config) checkRateLimit() error {
	if r := c.RateLimit; r != 0 && !(r >= minRateLimit && r <= maxRateLimit) { // also refuses NaN
		return fmt.Errorf("httpapi: Config.RateLimit is %v, must be between %v and %.0f requests per second", r, minRateLimit, maxRateLimit)
	}
	return nil
}

// isLimited reports whether requests to the route count for Config.RateLimit: health and documents do
// not.
func (r route) isLimited() bool { return r.access != open || strings.HasPrefix(r.path, sinksPath+"/") }

// limit counts a request, whatever its outcome err so far. A request with valid credentials counts
// for the organization of its path or else of its caller, and for its caller if that has several
// organizations. A request without valid credentials counts for its client's address.
func (a *api) limit(rt route, c *call, err error) error {
	switch {
	case !rt.isLimited():
		return nil
	case rt.access == open, errors.Is(err, ErrUnauthorized):
		return a.strangers.take(addressKey(infoOf(c.r.Context()).ClientAddr), time.Now())
	case errors.Is(err, errAuthDown):
		return nil
	}
	return a.callers.take(c.bucketKey(), time.Now())
}

// bucketKey returns the key of the call's organization, or else of its caller.
func (c *call) bucketKey() bucketKey {
	switch {
	case c.caller.in(c.org) && c.org != uuid.Nil:
		return bucketKey(c.org)
	case !c.caller.everywhere() && len(c.caller.Organizations) == 1:
		return bucketKey(c.caller.Organizations[0])
	}
	return bucketKey(uuid.NewSHA1(uuid.Nil, []byte(c.caller.Subject))) // a subject can be long
}

// addressKey returns the key of an address. A client has a network of IPv6 to itself, most often a /64.
func addressKey(addr netip.Addr) bucketKey {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // 64 is a valid length
		addr = network.Addr()
	}
	if !addr.IsValid() {
		return bucketKey{}
	}
	return addr.As16()
}
