package delivery

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"
)

// persist writes n items, for as long as that takes: while the store is away nothing
// else can make progress either, and the attempts were made. If the store refuses the batch for
// another reason, each item is written by itself, so that a bad item spoils no good one. It returns
// the attempts that had lost their lease, and the indexes of the items that could not be written; these
// attempts become due again when their lease ends.
func (r *run) persist(
	n int, write func(ctx context.Context, from, to int) ([]uuid.UUID, error),
) (lost map[uuid.UUID]bool, failed map[int]bool) {
	if n == 0 {
		return nil, nil
	}
	lost, failed = map[uuid.UUID]bool{}, map[int]bool{}
	try := func(from, to int) error {
		ids, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) { return write(ctx, from, to) })
		for _, id := range ids {
			lost[id] = true
		}
		return err
	}
	if try(0, n) == nil {
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

// persistent calls write until it succeeds, fails although the store is not away, or flushTimeout is
// over after an abort of the run.
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
		newWakeup(r.cfg.Clock).wait(backOff.NextBackOff(), r.sending.Done())
	}
}

var errAborted = errors.New("aborted by Stop")
