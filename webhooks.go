package webhooks

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/keyring"
	"github.com/ecg-api/webhooks/internal/meteredstore"
	"github.com/ecg-api/webhooks/internal/shared"
)

// Version of the module. Deliveries carry it in their User-Agent header.
const Version = "0.1.0"

// Webhooks is the library over one store, in four parts. Make one with [New]. All methods of
// the parts are safe for concurrent use.
type Webhooks struct {
	Registry      *Registry      // the catalog of event types
	Subscriptions *Subscriptions // the customers' endpoints, and the history of their deliveries
	Dispatcher    *Dispatcher    // publishes and delivers events
	Signer        *Signer        // the hashes and signatures of deliveries

	core *core
}

// New puts the parts together over a store. An error names the wrong field of the
// configuration. New starts nothing and does not call the store.
func New(st Store, c Config) (*Webhooks, error) {
	if st == nil {
		return nil, errors.New("webhooks: the store is nil")
	}
	engine := c.engine()
	c = c.withDefaults(engine)
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Metrics != nil {
		st = meteredstore.New(st, c.Metrics, c.Clock.Now)
	}
	k := &core{
		cfg: c, schemaSlots: make(schemaSlots, runtime.GOMAXPROCS(0)),
		policy: &guard.Policy{AllowNetworks: c.AllowNetworks, NAT64: c.NAT64},
	}
	var err error
	if k.keyring, err = keyring.New(c.SecretKeys); err != nil {
		return nil, fmt.Errorf("webhooks: Config.SecretKeys: %w", err)
	}
	sealed := sealedStore{st, k.keyring}
	k.store = auditedStore{Store: sealed, cfg: c}
	signer, err := newSigner(k, c.PrivateKey)
	if err != nil {
		return nil, err
	}
	engine.Store, engine.Signer = auditedStore{Store: sealed, cfg: c, actor: engineActor}, signer.forTarget
	if k.engine, err = k.newEngine(engine); err != nil {
		return nil, err
	}
	k.commits = &groupCommit{store: k.storeAndHandOff}
	k.pinged = shared.Value[struct{}]{Config: k.sharing(sharedTimeout), Call: func(ctx context.Context) (struct{}, error) {
		return struct{}{}, k.store.Ping(ctx)
	}}
	k.operations = newOperations(k)
	k.exposeGauges()
	return &Webhooks{
		Registry: &Registry{k}, Subscriptions: &Subscriptions{k}, Dispatcher: &Dispatcher{k}, Signer: signer, core: k,
	}, nil
}

// newEngine completes the configuration of the engine by the rules of this package.
func (c *core) newEngine(engine delivery.Config) (*delivery.Engine, error) {
	engine.Ready = func(ctx context.Context) error {
		if err := (&Keys{c}).Check(ctx); err != nil {
			return err
		}
		return c.addOperationalTypes(ctx)
	}
	engine.Announces = isOperational
	if c.cfg.OperationalEvents.Enabled {
		engine.Announce = c.announce
	}
	if engine.Sender == nil {
		cfg := c.cfg
		engine.Sender = guard.NewClient(guard.Options{
			Policy: c.policy, RootCAs: cfg.RootCAs, ClientCertificate: cfg.ClientCertificate, GetClientCertificate: cfg.GetClientCertificate,
			Proxy: cfg.EgressProxy, ProxyTrusted: cfg.EgressProxyTrusted, Clock: cfg.Clock,
		})
	}
	e, err := delivery.New(engine)
	if err != nil {
		return nil, errors.New("webhooks: " + strings.TrimPrefix(err.Error(), "delivery: ")) // its fields are named as ours
	}
	return e, nil
}

// Health reports whether the dispatcher runs in this process and has workers left (see
// [Dispatcher.Stuck]), and returns an error if the store does not answer.
func (w *Webhooks) Health(ctx context.Context) (dispatching bool, err error) {
	stuck, most := w.core.engine.Stuck()
	return w.core.engine.Running() && stuck < most, w.core.store.Ping(ctx)
}
