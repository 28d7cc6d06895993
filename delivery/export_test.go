package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The pure rules, for their tables.
var (
	RetryAfter      = retryAfter
	BeginProbe      = beginProbe
	Hopeless        = unreachable
	ResponseHeaders = responseHeaders
)

// Seen is an observation.
type Seen struct {
	Kind         endingKind
	Began, Ended time.Time
	Until        time.Time
	Probe        bool
	Quiet        bool
}

// The kinds of Seen.
const (
	SeenSuccess    = endSuccess
	SeenFailure    = endFailure
	SeenPushedBack = endPushback
)

// Observe is observe.
func Observe(h store.Health, s Seen) store.Health {
	return observe(h, observation{s.Kind, s.Began, s.Ended, s.Until, s.Probe, s.Quiet})
}

// Throttle is a throttle.
type Throttle struct{ t throttle }

// Rate is its rate.
func (t *Throttle) Rate() float64 { return t.t.rate() }

// Accepted notes an accepted attempt.
func (t *Throttle) Accepted(began, now time.Time) { t.t.accepted(began, now) }

// Refused notes a refusal.
func (t *Throttle) Refused(began, now time.Time, accepted float64) { t.t.refused(began, now, accepted) }

// Meter is a meter.
type Meter struct{ m meter }

// Add counts one at the time.
func (m *Meter) Add(now time.Time) { m.m.add(now) }

// PerSecond returns how many there were in the last second.
func (m *Meter) PerSecond(now time.Time) float64 { return m.m.perSecond(now) }

// Pacers returns for how many subscriptions a stopped engine remembers how it
// paced them.
func (e *Engine) Pacers() int { return len(e.pacers) }

// KnownLeases returns how many attempts are leased to a running engine and known to it.
func (e *Engine) KnownLeases() int {
	l := &e.current().leases
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// Limiter is the concurrency limiter, without the engine around it.
type Limiter struct{ limiter }

// NewLimiter returns a limiter with limits between least and most, and the first one.
func NewLimiter(least, first, most int) *Limiter { return &Limiter{newLimiter(least, first, most)} }

// NewLaneLimiter returns the limiter of a lane, with limits up to most.
func NewLaneLimiter(most int) *Limiter { return &Limiter{newLaneLimiter(most)} }

// Limit returns how many attempts may be in flight.
func (l *Limiter) Limit() int { return l.limit }

// Epoch returns the epoch in which an attempt begins now.
func (l *Limiter) Epoch() int { return l.epoch }

// End notes that an attempt ended.
func (l *Limiter) End(epoch int, took time.Duration, success, full bool, now time.Time) {
	l.end(epoch, took, success, full, now)
}

// DefaultWorkers returns the number of workers for a limit on memory, in bytes.
var DefaultWorkers = defaultWorkers

// FirstLimit is how many attempts a new subscription may have in flight.
const FirstLimit = firstLaneLimit

// LimitAfterPushBacks returns the concurrency limit of a subscription, which is 64 in the
// beginning, after n attempts that the receiver pushed back.
func LimitAfterPushBacks(n int) int {
	b := newBacklog(Config{Workers: 256, PerSubscription: 64, Backlog: 1024, BacklogBytes: 1 << 20}, nil, func() {}, func() {})
	now := time.Unix(0, 0)
	ln := b.lane(&task{}, now)
	ln.limiter.limit, ln.limiter.best = 64, 64
	for range n {
		now = now.Add(10 * time.Millisecond)
		ln.inFlight = ln.limiter.limit
		ln.learn(ln.limiter.epoch, ending{endPushback, time.Millisecond}, now)
	}
	return ln.limiter.limit
}

// Planner plans claims.
type Planner struct{ planner }

// Plan is a claim.
type Plan struct {
	plan

	Org     uuid.UUID
	Most    int
	Skip    []uuid.UUID
	Since   time.Time
	Pausing bool
}

// Next returns the next claim, beside full subscriptions and organizations, of which owners are
// the organizations. ServedOthers says that an organization was served that is not heavy.
func (p *Planner) Next(free int, full, owners []uuid.UUID, servedOthers bool, now time.Time) Plan {
	q := p.next(claimRoom{free, full, owners, servedOthers}, now)
	return Plan{q, q.org, q.maxJobs, q.skipped(), q.since, q.pausing}
}

// Note takes in the jobs of a claim, which ended now.
func (p *Planner) Note(done Plan, jobs []store.Job, now time.Time) {
	p.NoteAt(done, jobs, now, now)
}

// NoteAt takes in the jobs of a claim, which the store made at a time of its own, and which ended now.
func (p *Planner) NoteAt(done Plan, jobs []store.Job, at, now time.Time) {
	p.note(done.plan, jobs, at, now)
}

// NoteLook takes in the end of the look beside a claim.
func (p *Planner) NoteLook(beside Plan, took time.Duration, more bool) {
	p.watermark.looked(*beside.beside, took, more)
}

// Beside reports whether there is a look beside the claim.
func (p Plan) Beside() bool { return p.beside != nil }

// Look returns the due times of the look beside a claim.
func (p Plan) Look() (since, until time.Time) { return p.beside.since, p.beside.until }

// Rescan has the next claim look again at the attempts that are due since a time.
func (p *Planner) Rescan(from time.Time) { p.rescan(from) }

// Bucket is a token bucket.
type Bucket struct{ bucket }

// NewBucket returns a full bucket of a rate.
func NewBucket(rate float64, now time.Time) *Bucket {
	b := &Bucket{}
	b.set(rate, now)
	return b
}

// Set changes the rate.
func (b *Bucket) Set(rate float64, now time.Time) { b.set(rate, now) }

// Wait returns how long an attempt waits behind n attempts, where none begins before a time.
func (b *Bucket) Wait(n int, notBefore, now time.Time) time.Duration {
	return b.wait(n, notBefore, now)
}

// Take counts an attempt.
func (b *Bucket) Take(now time.Time) { b.take(now) }

// Pause lets no attempt begin for some time.
func (b *Bucket) Pause(length time.Duration, now time.Time) { b.pause(length, now) }

// Returns are planned returns.
type Returns struct{ returns }

// NewReturns returns an empty plan of returns with a spacing.
func NewReturns(spacing time.Duration) *Returns { return &Returns{returns{spacing: spacing}} }

// Plan returns for how long an attempt goes away.
func (r *Returns) Plan(id uuid.UUID, wait time.Duration, learned bool, held, now time.Time) time.Duration {
	return r.plan(id, wait, learned, held, now)
}

// Precede reports whether planned returns have precedence over an attempt.
func (r *Returns) Precede(id uuid.UUID, now time.Time) bool { return r.precede(id, now) }

// Next returns the first return after now, but none before the end of a hold.
func (r *Returns) Next(held, now time.Time) (time.Time, bool) { return r.next(held, now) }
