package delivery

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/ecg-api/webhooks/internal/conditionlog"
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
