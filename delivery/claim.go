package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/conditionlog"
	"github.com/ecg-api/webhooks/store"
)

// maxClaim bounds a claim. Larger ones are no faster, and keep others from the store.
const maxClaim = 200

// gather bounds how long a claim waits for more after one that found a little.
const gather = 5 * time.Millisecond

// claimLoop keeps the lanes filled with what is due in the store.
func (r *run) claimLoop() {
	backOff := storeBackOff()
	most := max(1, min(maxClaim, r.cfg.Backlog/8)) // fits into half of anyone's share
	var seen seen
	var greedy greedy
	for r.claiming.Err() == nil {
		n, full, owners := r.lanes.reserve(max(1, most/4), most) // not in driblets
		if n == 0 {
			r.refuse(r.lanes.evict(time.Now()))
			r.wait(r.lanes.room, r.cfg.PollInterval)
			continue
		}
		began := time.Now()
		if r.moved.Swap(false) {
			seen.at = time.Time{}
			greedy.startOver()
		}
		of, except, again := greedy.turn(r.lanes, began, full)
		for i, id := range full {
			if !slices.Contains(except, owners[i]) {
				except = append(except, id)
			}
		}
		if of.org != uuid.Nil && greedy.crowded && n > few {
			r.lanes.release(n - few)
			n = few
		}
		now, others := r.cfg.Now(), of.org == uuid.Nil
		opts := store.ClaimOptions{Max: n, Lease: r.cfg.Lease, Except: except}
		switch {
		case !others:
			opts.Since = of.seen.since(except)
		case len(except) == 0 && seen.stale(now, lookAgain):
		default:
			if seen.stale(now, startOver) {
				r.intake.Go(func() { r.startOver(most, except) })
				greedy.startOver()
			}
			opts.Since = seen.since(except)
		}
		jobs, at, err := r.claim(opts)
		if err != nil {
			if r.claiming.Err() == nil {
				r.wait(nil, backOff.NextBackOff())
			}
			continue
		}
		backOff.Reset()
		r.noteSkew(at, now, r.cfg.Now())
		greedy.end(of, opts, jobs, began, now, at)
		if others || len(jobs) < n {
			seen.note(opts, jobs, now, at)
		}
		if !others || len(jobs) == n {
			continue
		}
		if len(jobs) > 0 { // let more gather, for as long as it took
			r.wait(nil, min(time.Since(began), gather))
		}
		wait := r.cfg.PollInterval
		if again {
			wait = min(wait, max(time.Until(greedy.until), 0))
		}
		r.wait(r.wake, wait)
	}
}

// claim claims attempts, for which room is reserved, and puts them into the lanes. At is
// the time by the store's clock.
func (r *run) claim(opts store.ClaimOptions) (jobs []store.Job, at time.Time, err error) {
	began := time.Now()
	ctx, cancel := r.bounded(r.claiming)
	defer cancel()
	jobs, at, err = r.cfg.Store.Claim(ctx, opts)
	r.lanes.release(opts.Max - len(jobs))
	if err != nil {
		if r.claiming.Err() == nil {
			r.health.failed(err)
		}
		return nil, at, err
	}
	r.health.worked()
	r.targets.warm(r.claiming, jobs)
	r.put(jobs, began.Add(r.cfg.Lease))
	return jobs, at, nil
}

// startOver looks at everything that is due, beside the claims that go on: it takes
// long where one has much queued.
func (r *run) startOver(most int, except []uuid.UUID) {
	n, full, _ := r.lanes.reserve(1, most)
	if n > 0 {
		_, _, _ = r.claim(store.ClaimOptions{Max: n, Lease: r.cfg.Lease, Except: append(full, except...)}) // the next claims meet the same error
	}
}

// seen is what a claim found out about those that are not passed over: what was due
// before is taken. Where one has a hundred thousand queued, the others are found behind
// them; so the next claim that passes over it begins there. Behind what was delivered it
// begins in any case: a database goes on walking past that until it has cleared it away.
type seen struct {
	except  []uuid.UUID // these were passed over
	at      time.Time   // by the store's clock: all other attempts that were due before are taken; zero if that is not known
	started time.Time   // when everything was looked at last, by the engine's clock
	late    lateness
}

const (
	// startOver is how often everything is looked at, for what came even later, while
	// somebody is passed over,
	startOver = 5 * time.Second
	// and lookAgain while nobody is.
	lookAgain = 250 * time.Millisecond
)

// stale reports whether everything is to be looked at again, and takes it that it is.
func (s *seen) stale(now time.Time, after time.Duration) bool {
	if s.at.IsZero() || now.Sub(s.started) < after {
		return false
	}
	s.started = now
	return true
}

// since returns from when on a claim looks that passes over these, zero for everything.
func (s *seen) since(except []uuid.UUID) time.Time {
	if s.at.IsZero() {
		return time.Time{}
	}
	for _, id := range s.except {
		if !slices.Contains(except, id) {
			return time.Time{} // what it has was not looked at
		}
	}
	if len(except) > 0 { // it takes startOver until what is later is found
		return s.at.Add(-mostLate)
	}
	return s.at.Add(-s.late.margin())
}

// note takes down the result of a claim that began at a time by the engine's clock, which
// was at by the store's. If it took all that it could, the attempts that are left became
// due no earlier than the last one that it got.
func (s *seen) note(opts store.ClaimOptions, jobs []store.Job, began, at time.Time) {
	if !s.at.IsZero() {
		s.late.learn(s.at, jobs, at)
	}
	s.except, s.at = opts.Except, at
	if n := len(jobs); n == opts.Max {
		s.at = jobs[n-1].DueAt
	}
	if opts.Since.IsZero() {
		s.started = began
	}
}

// lateness is how long after an attempt was due it came to be seen, because its
// transaction was committed later. All times are the store's, so the clocks of hosts are
// not in it. It is learned, for a database walks past all that was delivered within it:
// with 5 s at 10,000 deliveries a second that was 5 % of all the time.
type lateness struct {
	worst, before time.Duration // in the present stretch of time, and in the one before
	began         time.Time     // the present stretch; zero in the beginning
}

const (
	// mostLate is what is expected in the beginning, and the most that is.
	mostLate = 5 * time.Second
	// leastLate is the least.
	leastLate = 500 * time.Millisecond
	// lateFor is how long a stretch is.
	lateFor = 10 * time.Second
)

// learn takes down the jobs that were claimed by now although all that was due before a
// time had been. One that is older than mostLate waited in a line, as a rule, and says
// nothing.
func (l *lateness) learn(before time.Time, jobs []store.Job, now time.Time) {
	if l.began.IsZero() {
		l.began, l.before = now, mostLate
	}
	if now.Sub(l.began) > lateFor {
		l.began, l.before, l.worst = now, l.worst, 0
	}
	for _, j := range jobs {
		if d := before.Sub(j.DueAt); d <= mostLate {
			l.worst = max(l.worst, d)
		}
	}
}

// margin is how far behind it has to be looked.
func (l *lateness) margin() time.Duration {
	if l.began.IsZero() {
		return mostLate
	}
	return min(max(2*l.worst, 2*l.before, leastLate), mostLate)
}

// listenLoop turns the store's notifications into wake-ups. Polling goes on
// beside it, so a failure costs latency only.
func (r *run) listenLoop() {
	if r.abilities.Notifier == nil {
		return
	}
	backOff := storeBackOff()
	for r.claiming.Err() == nil {
		began := time.Now()
		listens := time.AfterFunc(time.Minute, func() { r.ended(cannotListen, nil, "webhooks: listening for wake-ups") })
		err := r.abilities.Notifier.Listen(r.claiming, r.signal)
		listens.Stop()
		if r.claiming.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			backOff.Reset()
		}
		r.lasts(slog.LevelWarn, cannotListen, nil, "error", err)
		r.wait(nil, 10*backOff.NextBackOff())
	}
}

// put moves claimed jobs into the lanes, and gives back what does not fit.
func (r *run) put(jobs []store.Job, until time.Time) {
	if len(jobs) == 0 {
		return
	}
	tasks := make([]*task, len(jobs))
	for i, j := range jobs {
		tasks[i] = &task{Job: j, leasedUntil: until, to: r.targets.known(j)}
	}
	r.refuse(r.lanes.put(tasks, time.Now()))
}

// refuse gives tasks back, until their deadline at most. Those that passed it
// would be refused for ever by a lane that is full or slow for good.
func (r *run) refuse(refused []refusal) {
	now := r.cfg.Now().UTC().Truncate(time.Millisecond)
	for _, t := range refused {
		due := now.Add(t.away)
		switch {
		case t.to == nil || t.to.Deleted || !t.to.Live() || due.Before(t.ExpiresAt):
			r.deferTo(t.task, due, t.held)
		case now.Before(t.ExpiresAt):
			r.giveBack(t.task, t.ExpiresAt)
		default:
			r.finish(t.task, Decision{Status: store.Failed, Error: expired(t.to)}, notSent, now)
		}
	}
}

// wait returns when ch has something, d has passed, or the engine stops.
func (r *run) wait(ch <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ch:
	case <-timer.C:
	case <-r.claiming.Done():
	}
}

// health tells the host when the store goes away and comes back, once each.
type health struct {
	notice func(Notice)
	log    *conditionlog.Log

	mu   sync.Mutex
	down bool
}

func (h *health) failed(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	h.mu.Lock()
	first := !h.down
	h.down = true
	h.mu.Unlock()
	h.log.Occurred(context.Background(), slog.LevelError, storeAway, nil, "error", err)
	if first {
		h.notice(Notice{Kind: StoreDown, Reason: "the store does not answer"})
	}
}

func (h *health) worked() {
	h.mu.Lock()
	was := h.down
	h.down = false
	h.mu.Unlock()
	if was {
		h.log.Ended(context.Background(), storeAway, nil, "webhooks: the store answers again")
		h.notice(Notice{Kind: StoreUp})
	}
}
