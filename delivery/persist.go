package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// persist writes n items, for as long as it takes: while the store is away nobody
// else can make progress either, and the attempts were made. Items that the store
// refuses for another reason are tried one by one, so that a bad one does not take
// the others with it. It returns the attempts whose lease was lost, and which
// items could not be written; these become due again when their lease ends.
func (r *run) persist(n int, write func(ctx context.Context, from, to int) ([]uuid.UUID, error)) (lost map[uuid.UUID]bool, failed map[int]bool) {
	lost, failed = map[uuid.UUID]bool{}, map[int]bool{}
	try := func(from, to int) error {
		ids, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) { return write(ctx, from, to) })
		for _, id := range ids {
			lost[id] = true
		}
		return err
	}
	if n == 0 || try(0, n) == nil {
		return lost, failed
	}
	for i := range n {
		if err := try(i, i+1); err != nil {
			failed[i] = true
			r.logCondition(slog.LevelError, "webhooks: a result could not be recorded", nil, "error", err)
		}
	}
	return lost, failed
}

// persistent calls write until it succeeds, fails for a reason other than the
// store being away, or the run was aborted and flushTimeout is over.
func (r *run) persistent(write func(context.Context) ([]uuid.UUID, error)) ([]uuid.UUID, error) {
	backOff := storeBackOff()
	for {
		ctx, cancel := r.bounded(r.writing)
		lost, err := write(ctx)
		cancel()
		if err == nil {
			r.outage.worked()
			return lost, nil
		}
		if !unavailable(err) {
			return nil, err
		}
		r.outage.failed(err)
		if r.sending.Err() != nil {
			return nil, errAborted
		}
		timer := time.NewTimer(backOff.NextBackOff())
		select {
		case <-timer.C:
		case <-r.sending.Done():
			timer.Stop()
		}
	}
}

var errAborted = errors.New("aborted by Stop")
