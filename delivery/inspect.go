package delivery

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Inspection shows the inside of an engine at one moment, for tests, logs and an operator's
// page. It holds no payload, secret or URL.
type Inspection struct {
	Running bool // between Start and Stop; if not, most other fields are zero

	Waiting, MostWaiting           int // attempts in memory that wait for a worker
	WaitingBytes, MostWaitingBytes int // of their bodies
	Reserved                       int // attempts for which room is set aside: claims and publishes under way

	Recording int  // attempts that ended, or were given back, and are not written yet
	StoreAway bool // the last call of the store failed

	InFlight, Workers   int   // attempts under way, and the most
	Quick, QuickLimit   int   // of these to endpoints that answer within a second, and their limit at present
	Slow                int   // to the other endpoints
	Stuck               int   // calls of the Sender that were given up and have not returned
	Host                int64 // the number of this process among the hosts of the store, see store.Hosts; 0: none
	TakenOver           int   // attempts of hosts that died, since Start
	CachedSubscriptions int   // read within the last second, or since

	HeavyOrganizations []uuid.UUID // with a backlog larger than a claim: each has claims of its own
	Watermark          time.Time   // by the store's clock: attempts due before are claimed, but for skipped ones; zero: not known

	Organizations []OrganizationLoad // with attempts waiting or under way, in the order of their ids
	Subscriptions []SubscriptionLoad // likewise
}

// OrganizationLoad counts the attempts of an organization in memory.
type OrganizationLoad struct {
	ID                uuid.UUID // of the organization
	Waiting, InFlight int       // attempts that wait for a worker, and that are under way
}

// SubscriptionLoad describes the attempts of a subscription in memory.
type SubscriptionLoad struct {
	ID, OrganizationID uuid.UUID     // of the subscription, and of its owner
	Waiting            int           // attempts that wait for a worker
	InFlight, Limit    int           // under way, and the most that its endpoint gets at present
	Slow               bool          // attempts take a second and more, or none was answered yet
	Typical            time.Duration // moving average of an attempt's duration
	PerSecond          float64       // attempts that may begin in a second; 0: no rate limits them
	HeldUntil          time.Time     // no attempt begins before; zero: none is held
}

// Inspect looks inside. It takes the engine's locks for a moment: with 10,000 subscriptions some
// milliseconds, so call it every few seconds at most.
func (e *Engine) Inspect() Inspection {
	in := Inspection{Workers: e.cfg.Workers, MostWaiting: e.cfg.Backlog, MostWaitingBytes: e.cfg.BacklogBytes, Stuck: int(e.stuck.Load())}
	in.CachedSubscriptions = e.endpoints.size()
	if r := e.current(); r != nil {
		in.Running, in.Recording, in.StoreAway = true, int(r.recording.Load()), r.outage.isDown()
		in.Host, in.TakenOver = r.hosts.presence.Load().host, int(r.hosts.takenOver.Load())
		r.backlog.inspect(&in, e.cfg.Clock.Now())
		r.planning.Lock()
		in.HeavyOrganizations, in.Watermark = r.planner.heavy.orgIDs(), r.planner.watermark.at
		r.planning.Unlock()
	}
	return in
}

func (b *backlog) inspect(in *Inspection, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in.Waiting, in.WaitingBytes, in.Reserved = b.room.tasks, b.room.bytes, b.room.reserved
	in.Quick, in.QuickLimit, in.Slow = b.turns.quick.inFlight, b.turns.limiter.limit, b.turns.slow.inFlight
	in.InFlight = in.Quick + in.Slow
	orgs := map[uuid.UUID]OrganizationLoad{}
	for _, ln := range b.lanes {
		if ln.idle() {
			continue
		}
		in.Subscriptions = append(in.Subscriptions, ln.load(now))
		o := orgs[ln.org]
		o.ID, o.Waiting, o.InFlight = ln.org, o.Waiting+ln.queue.len(), o.InFlight+ln.inFlight
		orgs[ln.org] = o
	}
	for _, o := range orgs {
		in.Organizations = append(in.Organizations, o)
	}
	slices.SortFunc(in.Organizations, func(a, b OrganizationLoad) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	slices.SortFunc(in.Subscriptions, func(a, b SubscriptionLoad) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

func (ln *lane) load(now time.Time) SubscriptionLoad {
	s := SubscriptionLoad{
		ID: ln.id, OrganizationID: ln.org, Waiting: ln.queue.len(),
		InFlight: ln.inFlight, Limit: ln.limiter.limit, Slow: ln.slow, Typical: ln.latency,
	}
	if ln.pacer != nil {
		if ln.pacer.bucket.interval > 1 {
			s.PerSecond = float64(time.Second) / float64(ln.pacer.bucket.interval)
		}
		if ln.pacer.held.After(now) {
			s.HeldUntil = ln.pacer.held
		}
	}
	return s
}
