package delivery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/ecg-api/webhooks/internal/conditionlog"
	"github.com/ecg-api/webhooks/store"
)

// outage tells the host when the store goes away and comes back, once each.
type outage struct {
	notice func(Notice)
	log    *conditionlog.Log

	mu   sync.Mutex
	down bool
}

func (o *outage) failed(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	o.mu.Lock()
	first := !o.down
	o.down = true
	o.mu.Unlock()
	o.log.Occurred(context.Background(), slog.LevelError, storeAway, nil, "error", err)
	if first {
		o.notice(Notice{Kind: StoreDown, Reason: "the store does not answer"})
	}
}

func (o *outage) isDown() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down
}

func (o *outage) worked() {
	o.mu.Lock()
	was := o.down
	o.down = false
	o.mu.Unlock()
	if was {
		o.log.Ended(context.Background(), storeAway, nil, "webhooks: the store answers again")
		o.notice(Notice{Kind: StoreUp})
	}
}

// unavailable reports whether an error says that the store is away, rather than
// that it refuses something.
func unavailable(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrReadOnly) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// storeBackOff paces the calls to a store that does not answer.
func storeBackOff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
}
