package delivery

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// presence is what this process knows of itself as a host (see store.Hosts).
type presence struct {
	host  int64     // 0 before the first Beat, and where the store knows no hosts
	until time.Time // by the monotonic clock: no other host finds this one dead before; zero: none ever does
}

func (p presence) lasts(now time.Time) bool { return p.until.IsZero() || now.Before(p.until) }

// hosts keeps the presence up to date.
type hosts struct {
	beating   chan struct{} // holds a token while a Beat is under way
	presence  atomic.Pointer[presence]
	takenOver atomic.Int64 // attempts of hosts that died
}

// beatTimeout bounds a Beat, and each EndLeases of a host that died.
const beatTimeout = 2 * time.Second

// leaseAs returns the host for which attempts are to be leased now. While this process cannot say that it is alive
// there is none, so that its claims are left alone until their leases end.
func (h *hosts) leaseAs(now time.Time) int64 {
	if p := h.presence.Load(); p.lasts(now) {
		return p.host
	}
	return 0
}

// keeps reports whether attempts that are leased to the host are certainly not taken over. They may be
// if other hosts may have found this process dead. A lease without a host always lasts until its end.
func (h *hosts) keeps(host int64, now time.Time) bool {
	p := h.presence.Load()
	return host == 0 || host == p.host && p.lasts(now)
}

// beatLoop says that this process is alive, also while it drains.
func (r *run) beatLoop() {
	for r.pause(r.present, store.BeatInterval) {
		r.beat(r.present)
	}
}

// revive beats before the next regular beat if other hosts may have found this host dead.
func (r *run) revive(ctx context.Context) {
	if !r.hosts.presence.Load().lasts(r.cfg.Clock.Now()) {
		r.beat(ctx)
	}
}

// beat says that this process is alive, and takes over from hosts that died.
func (r *run) beat(ctx context.Context) {
	if r.abilities.Hosts == nil {
		return
	}
	r.hosts.beating <- struct{}{}
	defer func() { <-r.hosts.beating }()
	began := r.cfg.Clock.Now()
	bounded, cancel := clock.WithTimeout(ctx, r.cfg.Clock, beatTimeout)
	defer cancel()
	before := r.hosts.presence.Load().host
	b, err := r.abilities.Hosts.Beat(bounded, before, r.cfg.Lease)
	if err != nil {
		if ctx.Err() == nil {
			r.logCondition(slog.LevelWarn, cannotBeat, nil, "error", err)
		}
		return
	}
	r.logConditionEnd(cannotBeat, nil, "webhooks: other hosts see that this one is alive")
	now := &presence{host: b.Host}
	if b.Silent > 0 {
		now.until = began.Add(b.Silent)
	}
	r.hosts.presence.Store(now)
	if before != 0 && before != b.Host {
		r.cfg.Logger.Warn("webhooks: other hosts found this one dead, and took over its attempts", "host", before, "now", b.Host)
	}
	for _, dead := range b.Dead {
		r.endLeases(ctx, dead)
	}
}

// endLeases ends the leases of a host that died. What an error leaves is ended after the next Beat.
func (r *run) endLeases(ctx context.Context, dead int64) {
	bounded, cancel := clock.WithTimeout(ctx, r.cfg.Clock, beatTimeout)
	defer cancel()
	n, err := r.abilities.Hosts.EndLeases(bounded, dead)
	if err != nil && ctx.Err() == nil {
		r.logCondition(slog.LevelWarn, cannotTakeOver, nil, "host", dead, "error", err)
	}
	if n > 0 {
		measure.TakeOverHosts.Add(r.cfg.Metrics, 1)
		r.hosts.takenOver.Add(int64(n))
		measure.TakeOverAttempts.Add(r.cfg.Metrics, float64(n))
		r.cfg.Logger.Info("webhooks: took over attempts of a host that died", "host", dead, "attempts", n)
		r.signal()
	}
}

// doubtLoop ends the leases that this process does not know, while it is in doubt.
func (r *run) doubtLoop() {
	for r.pause(r.present, store.BeatInterval) {
		host := r.hosts.presence.Load().host
		if host == 0 || !r.leases.inDoubt(r.cfg.Clock.Now()) {
			continue
		}
		if err := r.endUnknownLeases(r.present, host); err != nil && r.present.Err() == nil {
			r.leases.unsure(r.cfg.Clock.Now())
			if !unavailable(err) { // the claims say so
				r.logCondition(slog.LevelWarn, cannotTakeOver, nil, "host", host, "error", err)
			}
		}
	}
}

// endUnknownLeases gives back the attempts that are leased to this host and unknown to it. Otherwise they would be
// sent only after the end of their leases.
func (r *run) endUnknownLeases(ctx context.Context, host int64) error {
	reading, cancel := clock.WithTimeout(ctx, r.cfg.Clock, beatTimeout)
	defer cancel()
	stored, err := r.abilities.Hosts.Leases(reading, host)
	if err != nil {
		return err
	}
	given, now := 0, r.now()
	for batch := range slices.Chunk(r.leases.unknown(stored), maxRecord) {
		deferrals := make([]store.Deferral, len(batch))
		for i := range batch {
			deferrals[i] = store.Deferral{Lease: batch[i], DueAt: now}
		}
		writing, cancel := clock.WithTimeout(ctx, r.cfg.Clock, beatTimeout)
		lost, err := r.cfg.Store.Defer(writing, deferrals)
		cancel()
		if err != nil {
			return err
		}
		given += len(batch) - len(lost)
	}
	if given > 0 {
		r.cfg.Logger.Info("webhooks: gave back attempts of claims and publishes whose replies were lost", "attempts", given)
	}
	return nil
}

// leave ends the presence, and the leases of attempts that could not be given back.
func (r *run) leave() {
	r.stopPresence()
	r.presences.Wait()
	host := r.hosts.presence.Load().host
	if host == 0 {
		return
	}
	ctx, cancel := r.bounded(r.writing)
	defer cancel()
	if _, err := r.abilities.Hosts.EndLeases(ctx, host); err != nil && r.writing.Err() == nil {
		r.logCondition(slog.LevelWarn, cannotTakeOver, nil, "host", host, "error", err)
	}
}
