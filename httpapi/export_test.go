package httpapi

import "time"

// Route is a line of the table.
type Route struct{ Method, Path string }

// Routes returns the whole table.
func Routes() []Route {
	var out []Route
	for _, r := range (Config{PortalLinks: struct{ PortalLinks }{}}).routes() {
		out = append(out, Route{r.method, r.path})
	}
	return out
}

// NewLimiter returns a limiter that counts the buckets that it remembers after each take.
func NewLimiter(rate float64) (take func(key [16]byte, now time.Time) (buckets int, err error)) {
	l := newLimiter(rate)
	return func(key [16]byte, now time.Time) (int, error) {
		err := l.take(key, now)
		return len(l.newer) + len(l.former), err
	}
}

// MaxBuckets is the number of keys that a limiter remembers at least.
const MaxBuckets = maxBuckets
