package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/internal/keyring"
	"github.com/ecg-api/webhooks/internal/shared"
	"github.com/ecg-api/webhooks/store"
)

const (
	// OperationsAge is the age that a result of [Operations] may have: callers within this time share it.
	OperationsAge = 10 * time.Second
	// MaxCounted bounds the counts of [Operations]: a count that reaches it means "MaxCounted or more".
	MaxCounted = 10_000
	// TrafficPeriod is the time in which the messages and outcomes of [Overview] were counted.
	TrafficPeriod = time.Minute

	// maxQueueCounted bounds the counts of the queue, which are in one index, as those of the metrics do.
	maxQueueCounted = 100_000
	maxSeenHosts    = 100
	maxBacklogs     = 20
	maxKeysInUse    = 100
)

// The parts of [Overview] and [StorageState] that may be unknown.
const (
	PartQueue   = "queue" // the counts of the queue, circuits and recoveries, and the days ahead
	PartTraffic = "rates" // the rates, and the organizations with the most failures
	PartHosts   = "hosts" // the hosts
	PartLayout  = "store" // the kind of the store, versions, days, size and erasures
	PartKeys    = "keys"  // the ids of keys in use
)

// Operations shows an operator the state of all organizations. Each result is shared for [OperationsAge] by the callers in
// this process, and a call waits for the store for a second at most.
type Operations struct {
	core *core

	queue     shared.Value[Measures]
	traffic   shared.Value[Traffic]
	hosts     shared.Value[[]SeenHost]
	layout    shared.Value[Layout]
	keys      shared.Value[[]string]
	backlogs  shared.Value[Backlogs]
	unhealthy shared.ByKey[UnhealthyQuery, store.List[store.Target]]
	jobs      shared.ByKey[RecoveryQuery, store.List[store.Recovery]]
}

// Overview is the state of all organizations at one moment. Parts in Unknown are zero.
type Overview struct {
	AsOf    time.Time         // of the oldest part
	Unknown []string          // parts that the store could not tell within a second, or has no ability to tell
	Queue   Measures          // counts of the queue, up to 100,000
	Traffic Traffic           // of the last TrafficPeriod, up to MaxCounted messages and attempts, of all hosts
	Hosts   []SeenHost        // the hosts that beat last, 100 at most
	Up      bool              // the store answers and can be written
	Layout  Layout            // kind and version of the store
	Process ProcessOperations // the dispatcher of this process
}

// ProcessOperations is the state of the dispatcher of one process.
type ProcessOperations struct {
	Running           bool // between Start and Stop
	InFlight, Workers int  // attempts under way, and the most; Workers is 0 if the dispatcher does not run
}

// StorageState says where the records are, and for how long. Parts in Unknown are zero.
type StorageState struct {
	AsOf                      time.Time     // of the oldest part
	Unknown                   []string      // parts that the store could not tell within a second, or has no ability to tell
	Layout                    Layout        // kind, version, days and size
	DaysAhead                 int           // days after the present one that have partitions; -1 for a store without partitions
	Retention, AuditRetention time.Duration // as configured; negative: for ever
	Keys                      []string      // ids of Config.SecretKeys: the first key encrypts
	KeysInUse                 []string      // ids of the keys that signing secrets in the store are encrypted with
}

// UnhealthySubscription is a subscription that gets nothing but probes, or nothing.
type UnhealthySubscription struct {
	ID, OrganizationID uuid.UUID // of the subscription, and of its owner
	PostURI            string    `log:"host"` // the URL; "" for none
	SubscriptionStatus           // the state, its reason, and since when
	Failures           int       // since the last success
}

// Knows reports whether the store told a part, such as [PartQueue].
func (o *Overview) Knows(part string) bool { return !slices.Contains(o.Unknown, part) }

// Capped reports whether a count ended at its bound.
func (o *Overview) Capped() bool {
	q := o.Queue
	return o.Traffic.Capped || max(q.Due, q.Scheduled+q.Held+q.Sending, q.OpenCircuits, q.RunningRecoveries) >= maxQueueCounted
}

// Knows reports whether the store told a part, such as [PartLayout].
func (s *StorageState) Knows(part string) bool { return !slices.Contains(s.Unknown, part) }

// Operations returns the view of an operator on all organizations. It is one value for all calls.
func (w *Webhooks) Operations() *Operations { return w.core.operations }

func newOperations(c *core) *Operations {
	o := &Operations{core: c}
	a := c.store.Abilities()
	o.queue = sharedOf(c, a.Measurer != nil, func(ctx context.Context) (Measures, error) {
		return a.Measurer.Measure(ctx, maxQueueCounted)
	})
	able := a.Operations != nil
	o.traffic = sharedOf(c, able, func(ctx context.Context) (Traffic, error) {
		return a.Operations.Traffic(ctx, c.now().Add(-TrafficPeriod), MaxCounted)
	})
	o.hosts = sharedOf(c, able, func(ctx context.Context) ([]SeenHost, error) { return a.Operations.SeenHosts(ctx, maxSeenHosts) })
	o.layout = sharedOf(c, able, func(ctx context.Context) (Layout, error) { return a.Operations.Layout(ctx) })
	o.keys = sharedOf(c, able, o.keysInUse)
	o.backlogs = sharedOf(c, able, func(ctx context.Context) (Backlogs, error) {
		return a.Operations.Backlogs(ctx, maxBacklogs, MaxCounted)
	})
	o.unhealthy = shared.ByKey[UnhealthyQuery, store.List[store.Target]]{
		Config: c.sharing(OperationsAge), MaxKeys: maxSharedLists,
		Call: func(ctx context.Context, q UnhealthyQuery) (store.List[store.Target], error) {
			return a.Operations.Unhealthy(ctx, q)
		},
	}
	o.jobs = shared.ByKey[RecoveryQuery, store.List[store.Recovery]]{
		Config: c.sharing(OperationsAge), MaxKeys: maxSharedLists,
		Call: func(ctx context.Context, q RecoveryQuery) (store.List[store.Recovery], error) {
			return a.Operations.RecoveryJobs(ctx, q)
		},
	}
	return o
}

// errNoOperations is the result of a call that needs an ability which the store lacks.
var errNoOperations = fmt.Errorf("webhooks: the store has no store.Operations: %w", errors.ErrUnsupported)

// maxSharedLists bounds the different lists of a kind that callers share.
const maxSharedLists = 100

// sharedTimeout bounds a call of the store that callers share, and the wait of each caller.
const sharedTimeout = time.Second

// sharing shares results of the store for some time.
func (c *core) sharing(keep time.Duration) shared.Config {
	return shared.Config{Clock: c.cfg.Clock, Keep: keep, Timeout: sharedTimeout, Unavailable: ErrUnavailable}
}

// sharedOf returns a Value of a call, which fails if the store lacks the ability for it.
func sharedOf[T any](c *core, able bool, call func(context.Context) (T, error)) shared.Value[T] {
	if !able {
		call = func(context.Context) (none T, err error) { return none, errNoOperations }
	}
	return shared.Value[T]{Config: c.sharing(OperationsAge), Call: call}
}

// Overview returns the state of all organizations. It fails only when ctx ends.
func (o *Operations) Overview(ctx context.Context) (Overview, error) {
	p, end := o.core.parts(ctx)
	defer end()
	queue, traffic, hosts, layout, pinged := o.queue.Begin(), o.traffic.Begin(), o.hosts.Begin(), o.layout.Begin(), o.core.pinged.Begin()
	var out Overview
	out.Queue = read(p, PartQueue, queue)
	out.Traffic = read(p, PartTraffic, traffic)
	out.Hosts = read(p, PartHosts, hosts)
	out.Layout = read(p, PartLayout, layout)
	_, _, err := pinged.Wait(p.ctx)
	out.Up, out.AsOf, out.Unknown = err == nil, p.asOf(), p.unknown
	if in := o.core.engine.Inspect(); in.Running {
		out.Process = ProcessOperations{true, in.InFlight, in.Workers}
	}
	return out, ctx.Err()
}

// Storage says where the records are, and for how long. It fails only when ctx ends.
func (o *Operations) Storage(ctx context.Context) (StorageState, error) {
	p, end := o.core.parts(ctx)
	defer end()
	layout, queue, keys := o.layout.Begin(), o.queue.Begin(), o.keys.Begin()
	out := StorageState{Retention: o.core.cfg.Retention, AuditRetention: o.core.cfg.AuditRetention, Keys: o.core.keyring.IDs()}
	out.Layout = read(p, PartLayout, layout)
	out.DaysAhead = read(p, PartQueue, queue).DaysAhead
	out.KeysInUse = read(p, PartKeys, keys)
	out.AsOf, out.Unknown = p.asOf(), p.unknown
	return out, ctx.Err()
}

// keysInUse returns the ids of the keys that signing secrets are encrypted with, 100 at most.
func (o *Operations) keysInUse(ctx context.Context) (ids []string, err error) {
	a := o.core.store.Abilities().Operations
	for from := keyring.SealedFrom(); from != nil && len(ids) < maxKeysInUse; {
		key, err := a.NextSecretKey(ctx, from)
		if err != nil || key == nil {
			return ids, err
		}
		var id string
		if id, from = keyring.NextID(key); id != "" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Backlog returns the organizations and subscriptions with the most waiting attempts, 20 of each, and the time of the
// result. It fails with [errors.ErrUnsupported] if the store lacks the ability.
func (o *Operations) Backlog(ctx context.Context) (Backlogs, time.Time, error) {
	return o.backlogs.Get(ctx)
}

// Unhealthy lists subscriptions of all organizations, the newest first, and returns the time of the result. Most of the
// query is MaxCounted. It fails with [errors.ErrUnsupported] if the store lacks the ability.
func (o *Operations) Unhealthy(ctx context.Context, q UnhealthyQuery) (List[UnhealthySubscription], time.Time, error) {
	var out List[UnhealthySubscription]
	if o.core.store.Abilities().Operations == nil {
		return out, time.Time{}, errNoOperations
	}
	q.MaxTotal = MaxCounted
	found, at, err := o.unhealthy.Get(ctx, q)
	now := o.core.now()
	for _, t := range found.Items {
		out.Items = append(out.Items, UnhealthySubscription{
			t.ID, t.OrganizationID, t.PostURI, statusOf(t.Subscription, t.Health, now), t.Failures,
		})
	}
	out.Total = found.Total
	return out, at, err
}

// Recoveries lists the recoveries of all organizations, the newest first, and returns the time of the result. Most of the
// query is MaxCounted. It fails with [errors.ErrUnsupported] if the store lacks the ability.
func (o *Operations) Recoveries(ctx context.Context, q RecoveryQuery) (List[Recovery], time.Time, error) {
	if o.core.store.Abilities().Operations == nil {
		return List[Recovery]{}, time.Time{}, errNoOperations
	}
	q.MaxTotal = MaxCounted
	found, at, err := o.jobs.Get(ctx, q)
	found.Items = slices.Clone(found.Items) // callers share it
	return found, at, err
}

// parts reads the parts of a result within sharedTimeout in all.
type parts struct {
	core    *core
	ctx     context.Context
	unknown []string
	oldest  time.Time // of the parts; zero while none is known
}

func (c *core) parts(ctx context.Context) (*parts, context.CancelFunc) {
	ctx, cancel := clock.WithTimeout(ctx, c.cfg.Clock, sharedTimeout)
	return &parts{core: c, ctx: ctx}, cancel
}

// asOf returns the time of the oldest part, and without parts the present.
func (p *parts) asOf() time.Time {
	if p.oldest.IsZero() {
		return p.core.now()
	}
	return p.oldest
}

// read returns a part, or zero if it is unknown.
func read[T any](p *parts, name string, c *shared.Running[T]) T {
	value, at, err := c.Wait(p.ctx)
	if err != nil {
		p.unknown = append(p.unknown, name)
		if !errors.Is(err, errors.ErrUnsupported) {
			p.core.cfg.Logger.Warn("webhooks: a part of the state cannot be told", "part", name, "error", err)
		}
		return value
	}
	if p.oldest.IsZero() || at.Before(p.oldest) {
		p.oldest = at
	}
	return value
}
