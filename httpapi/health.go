package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/ecg-api/webhooks"
)

// pingTimeout leaves room for the answer within the 2 s that are promised.
const pingTimeout = 1500 * time.Millisecond

// health asks the store whether it answers. One question is open at a time, so that
// a store that hangs, whatever its context says, holds one goroutine and not one for
// each caller.
type health struct {
	ping func(context.Context) (dispatching bool, storeErr error)

	mu   sync.Mutex
	open *probe
}

type probe struct {
	done        chan struct{}
	storeErr    error
	dispatching bool
}

var errSilent = errors.New("no answer in time")

// ask returns what the store says within pingTimeout, or errSilent. Whether the
// dispatcher runs is then not known, and reported as running.
func (h *health) ask(ctx context.Context) (dispatching bool, storeErr error) {
	h.mu.Lock()
	p := h.open
	if p == nil {
		p = &probe{done: make(chan struct{})}
		h.open = p
		go h.run(context.WithoutCancel(ctx), p)
	}
	h.mu.Unlock()
	timer := time.NewTimer(pingTimeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.dispatching, p.storeErr
	case <-timer.C:
		return true, errSilent
	}
}

func (h *health) run(ctx context.Context, p *probe) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	defer func() {
		if recover() != nil {
			p.storeErr, p.dispatching = errInternal, true
		}
		h.mu.Lock()
		h.open = nil
		h.mu.Unlock()
		close(p.done)
	}()
	p.dispatching, p.storeErr = h.ping(ctx)
}

// healthWire is the answer of GET /healthcheck.
type healthWire struct {
	Status  string          `json:"status"`
	Info    map[string]part `json:"info"`
	Error   map[string]part `json:"error"`
	Details map[string]part `json:"details"`
}

type part struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

func (a *api) getHealth(c *call) error {
	dispatching, storeErr := a.health.ask(c.ctx())
	h := healthWire{"ok", map[string]part{}, map[string]part{}, map[string]part{}}
	database := part{Status: "up"}
	if storeErr != nil {
		a.log.Occurred(c.ctx(), slog.LevelError, storeDown, nil, "requestId", c.requestID(), "error", storeErr)
		database = part{"down", "the store does not answer"}
		if errors.Is(storeErr, webhooks.ErrLocked) || errors.Is(storeErr, webhooks.ErrReadOnly) {
			database.Message = "the store cannot be written"
		}
	}
	if storeErr == nil {
		a.log.Ended(c.ctx(), storeDown, nil, "webhooks: the store is up again")
	}
	h.add("database", database)
	if a.cfg.Dispatching {
		dispatcher := part{Status: "up"}
		if !dispatching {
			dispatcher = part{"down", "the dispatcher does not run"}
		}
		h.add("dispatcher", dispatcher)
	}
	status := http.StatusOK
	if len(h.Error) > 0 {
		h.Status, status = "error", http.StatusServiceUnavailable
	}
	return c.reply(status, h)
}

func (h *healthWire) add(name string, p part) {
	h.Details[name] = p
	if p.Status == "up" {
		h.Info[name] = p
	} else {
		h.Error[name] = p
	}
}
