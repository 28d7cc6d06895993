package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ecg-api/webhooks"
)

var healthRoutes = group{
	tag: "Health", description: "Whether the service works.",
	routes: []route{
		{
			method: http.MethodGet, path: healthPath, access: open, handler: (*api).getHealth,
			id: "getHealth", summary: "Checks health of the server",
			details:      "Answers within 2 s, even when the store hangs. 503 names the part that is down.",
			answer:       healthWire{},
			otherAnswers: []otherAnswer{{"503", "A part is down."}},
		},
	},
}

// pingTimeout leaves half a second for the answer, which is promised within 2 s.
const pingTimeout = 1500 * time.Millisecond

// health checks whether the store, or the JWKS, answers. One check runs at a time, and callers share
// it: a store that hangs, even beyond the end of its context, holds one goroutine and not one for
// each caller.
type health struct {
	ping func(context.Context) (dispatching bool, err error)

	mu      sync.Mutex
	current *probe
}

type probe struct {
	done        chan struct{}
	err         error
	dispatching bool
}

var errNoAnswer = errors.New("no answer in time")

// begin starts a check, or joins the one that runs.
func (h *health) begin(ctx context.Context) *probe {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current == nil {
		h.current = &probe{done: make(chan struct{})}
		go h.run(context.WithoutCancel(ctx), h.current)
	}
	return h.current
}

// wait returns the result of the check, or errNoAnswer when ctx ends. It is then unknown whether the
// dispatcher runs, so it is reported as running.
func (p *probe) wait(ctx context.Context) (dispatching bool, err error) {
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	select { // again: the check may have ended together with ctx
	case <-p.done:
		return p.dispatching, p.err
	default:
		return true, errNoAnswer
	}
}

func (h *health) run(ctx context.Context, p *probe) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	defer func() {
		if recover() != nil {
			p.err, p.dispatching = errInternal, true
		}
		h.mu.Lock()
		h.current = nil
		h.mu.Unlock()
		close(p.done)
	}()
	p.dispatching, p.err = h.ping(ctx)
}

// healthWire is the answer of GET /healthcheck.
type healthWire struct {
	Status  string          `json:"status" schema:"is=HealthState"`
	Info    map[string]part `json:"info"`
	Error   map[string]part `json:"error"`
	Details map[string]part `json:"details"`
}

type part struct {
	Status  string `json:"status" schema:"is=HealthPartState"`
	Message string `json:"message,omitempty"`
}

func (a *api) getHealth(c *call) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx()), pingTimeout)
	defer cancel()
	store := a.health.begin(ctx)
	jwksErr := a.checkJWKS(ctx)
	dispatching, storeErr := store.wait(ctx)
	h := healthWire{"ok", map[string]part{}, map[string]part{}, map[string]part{}}
	database := part{Status: "up"}
	if storeErr != nil {
		a.log.Occurred(c.ctx(), slog.LevelError, storeDown, nil, "requestId", infoOf(c.ctx()).ID, "error", storeErr)
		database = part{"down", "the store does not answer"}
		if errors.Is(storeErr, webhooks.ErrLocked) || errors.Is(storeErr, webhooks.ErrReadOnly) {
			database.Message = "the store cannot be written"
		}
	}
	if storeErr == nil {
		a.log.Ended(c.ctx(), storeDown, nil, "webhooks: the store is up again")
	}
	h.add("database", database)
	if a.jwks != nil {
		jwks := part{Status: "up"}
		if jwksErr != nil {
			jwks = part{"down", "the JWKS cannot be read"}
		}
		h.add("jwks", jwks)
	}
	if a.cfg.Dispatching {
		stuck, limit := a.hooks.Dispatcher.Stuck()
		h.add("dispatcher", dispatcherPart(dispatching, stuck, limit))
	}
	status := http.StatusOK
	if len(h.Error) > 0 {
		h.Status, status = "error", http.StatusServiceUnavailable
	}
	return c.reply(status, h)
}

// checkJWKS returns an error unless the keys that verify tokens are known before ctx ends.
func (a *api) checkJWKS(ctx context.Context) error {
	if a.jwks == nil {
		return nil
	}
	_, err := a.jwks.begin(ctx).wait(ctx)
	if err != nil {
		a.log.Occurred(ctx, slog.LevelError, authDown, nil, "error", err)
	} else {
		a.log.Ended(ctx, authDown, nil, "webhooks: tokens can be verified again")
	}
	return err
}

func dispatcherPart(dispatching bool, stuck, limit int) part {
	switch {
	case stuck >= limit:
		return part{"down", "the calls of the sender do not return; restart the process"}
	case !dispatching:
		return part{"down", "the dispatcher does not run"}
	case stuck > 0:
		return part{"up", "calls of the sender that do not return, and whose attempts were ended: " + strconv.Itoa(stuck)}
	}
	return part{Status: "up"}
}

func (h *healthWire) add(name string, p part) {
	h.Details[name] = p
	if p.Status == "up" {
		h.Info[name] = p
	} else {
		h.Error[name] = p
	}
}
