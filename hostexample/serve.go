package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ecg-api/webhooks"
)

// serveCmd runs the API and the dispatcher.
type serveCmd struct{ settings }

func (s *serveCmd) run(ctx context.Context, h *host, c *cli) error {
	conf, err := h.config(s.settings)
	if err != nil {
		return err
	}
	if conf.Store == "memory:" && (!conf.serves() || !conf.dispatches()) {
		return errMemoryShared()
	}
	conf.library.Logger = c.logger(h.stderr)
	if err := conf.egressSettings.configure(&conf.library, conf.library.Logger); err != nil {
		return err
	}
	secure, err := conf.serverTLS(conf.library.Logger)
	if err != nil {
		return err
	}
	db, err := conf.open(ctx, conf.role())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	conf.limitMemory()
	p := &process{config: conf, host: h, log: conf.library.Logger, secure: secure}
	return p.run(ctx, db)
}

func errMemoryShared() error {
	return wrong("store", "is memory:, which another process cannot share: --api and --dispatcher need postgres:// or sqlite:")
}

// baseMemory is the most memory, in bytes, that a host with the defaults needs besides requests.
const baseMemory = 320 << 20

// limitMemory sets the runtime's soft limit, unless GOMEMLIMIT sets it: garbage is collected
// sooner once the host uses the most memory that it needs.
func (c *config) limitMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 { // -1 reads the limit
		debug.SetMemoryLimit(baseMemory + 2*int64(c.RequestMemory))
	}
}

// process is a running serve command.
type process struct {
	*config
	*host
	log     *slog.Logger
	hooks   *webhooks.Webhooks
	metrics http.Handler         // nil if no address serves them
	traces  trace.TracerProvider // nil if traces are not exported
	secure  *tls.Config          // of the API; nil for plain HTTP

	stopping atomic.Bool // a signal came: requests should go to other processes
}

func (p *process) run(ctx context.Context, db *database) error {
	err := p.measure()
	if err != nil {
		return err
	}
	stopTelemetry, err := p.startTelemetry(ctx)
	if err != nil {
		return err
	}
	defer stopTelemetry() // after the drain, which makes spans
	if p.hooks, err = webhooks.New(db, p.library); err != nil {
		return named(err)
	}
	if err := p.prepare(ctx, db); err != nil {
		return err
	}
	failed := make(chan error, 2)
	if p.MetricsAddr != "" {
		side, addr, err := p.listen(ctx, "metrics-addr", p.MetricsAddr, nil, fixed(only("/metrics", p.metrics)), failed)
		if err != nil {
			return err
		}
		defer func() { _ = side.Close() }() // after the drain, which the metrics show
		p.log.Info("metrics", "url", "http://"+addr+"/metrics")
	}
	return p.work(ctx, failed)
}

// work serves and dispatches until ctx ends or a listener fails.
func (p *process) work(ctx context.Context, failed chan error) error {
	server, addr, err := p.listen(ctx, "addr", p.Addr, p.secure, p.handler, failed)
	if err != nil {
		return err
	}
	defer p.drain(server)
	if p.dispatches() {
		if err := p.hooks.Dispatcher.Start(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	if err := p.announce(ctx, addr); err != nil {
		return err
	}
	return p.awaitShutdown(ctx, failed)
}

// prepare makes the database ready and applies the seed documents.
func (p *process) prepare(ctx context.Context, db *database) error {
	p.logConfiguration()
	if p.dev != nil {
		p.log.Warn("development mode is on, not for production: deliveries may reach this machine; to leave it " + p.wayOut())
	}
	if p.inClear {
		p.log.Warn("signing secrets are not encrypted at rest: WEBHOOKS_SECRET_KEYS is off")
	}
	a := db.Abilities()
	p.log.Info("store abilities", "notifies", a.Notifier != nil, "maintains", a.Maintainer != nil, "transactions", a.Transactor != nil)
	if !db.Durable() {
		p.log.Warn("the store is in memory: what it holds ends with this process")
	}
	if !p.NoMigrate {
		if err := db.Migrate(ctx); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	if err := answers(ctx, db); err != nil {
		return err
	}
	if err := p.checkKeys(ctx); err != nil {
		return err
	}
	documents := p.seeds()
	if documents == nil || !p.serves() {
		return nil
	}
	var applied []string
	err := whenUnlocked(ctx, func() error {
		now, err := p.hooks.Registry.Seed(webhooks.WithActor(ctx, "seed"), documents)
		applied = append(applied, now...)
		return err
	})
	if len(applied) > 0 {
		p.log.Info("seed documents applied", "versions", applied)
	}
	return err
}

// announce prints that the process listens, and in development mode a token, a link and example
// commands. From then on the process survives an outage of the store.
func (p *process) announce(ctx context.Context, addr string) error {
	url := p.url(addr)
	p.log.Info("started", "version", buildInfo(), "address", addr,
		"api", p.serves(), "dispatcher", p.dispatches())
	welcome := ""
	if p.dev != nil && p.serves() {
		err := whenUnlocked(ctx, func() (err error) {
			welcome, err = p.welcome(ctx, url)
			return err
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(p.stdout, "listening on %s\n%s", url, welcome)
	return nil
}

// url returns the address of the API on a listener's address.
func (p *process) url(addr string) string {
	if p.secure != nil {
		return "https://" + addr
	}
	return "http://" + addr
}

// drain stops the process: it takes no new requests and attempts, and finishes the running
// ones.
func (p *process) drain(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(p.DrainTimeout))
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		if err := server.Shutdown(ctx); err != nil {
			p.log.Warn("requests were cut off", "error", err)
			_ = server.Close()
		}
	})
	both.Go(func() {
		if err := p.hooks.Dispatcher.Stop(ctx); err != nil {
			p.log.Warn("attempts were cut off and given back", "error", err)
		}
	})
	both.Wait()
	p.log.Info("stopped")
}

// handlerOf returns the handler for the actual address of a listener.
type handlerOf func(ctx context.Context, addr string) (http.Handler, error)

func fixed(handler http.Handler) handlerOf {
	return func(context.Context, string) (http.Handler, error) { return handler, nil }
}

// listen serves a handler on an address, over TLS if secure is not nil, and returns the actual
// address. The error that ends the server goes to failed.
func (p *process) listen(
	ctx context.Context, setting string, at listenAddress, secure *tls.Config, handlerOf handlerOf, failed chan<- error,
) (*http.Server, string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", string(at))
	if err != nil {
		return nil, "", fmt.Errorf("--%s (%s): %w", setting, envName(setting), err)
	}
	addr := listener.Addr().String()
	handler, err := handlerOf(ctx, addr)
	if err != nil {
		_ = listener.Close()
		return nil, "", err
	}
	server := p.server(handler)
	limited := limit(listener, int(p.MaxConnections))
	limited.secure = secure
	if setting == "addr" {
		p.exposeConnections(limited)
	}
	go func() { failed <- limited.serve(server) }()
	return server, addr, nil
}
