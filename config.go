package webhooks

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/signing"
)

// minRetention bounds Config.Retention and Config.AuditRetention. History is deleted once an hour; a shorter time is probably
// a number without its unit.
const minRetention = time.Hour

// Config of [New]. The zero value is ready to use.
type Config struct {
	// RetrySchedule is the waits between the attempts of a delivery. Their sum is at
	// most Deadline: a later attempt would never be made. Default: [DefaultRetrySchedule].
	RetrySchedule []time.Duration
	// Timeout of one attempt, from the look-up of the name to the last byte; at
	// most 30 s. Default: 15 s.
	Timeout time.Duration
	// Deadline is the time after its publication in which an event may be sent.
	// Default: 96 h.
	Deadline time.Duration
	// Workers is the number of attempts that may be in flight at once. Most of them wait for
	// an answer, which costs memory and no processor time. Default: 1,536, or fewer if
	// GOMEMLIMIT is set, so that at 128 KiB each they take at most half of it.
	Workers int
	// Retention is the time for which messages and attempts are kept, at least 1 h; negative:
	// for ever. From 48 h on, whole days (in UTC) are deleted, so that a record may be kept up
	// to a day longer. Default: 720 h.
	Retention time.Duration
	// AuditRetention is the time for which entries of the audit trail are kept, at least 1 h;
	// negative: for ever. Default: 9600 h, 400 days.
	AuditRetention time.Duration
	// PollInterval is the time between two looks for due attempts, unless an event wakes
	// the dispatcher earlier. Default: 500 ms.
	PollInterval time.Duration
	// DrainTimeout bounds the drain after the ctx of Start was cancelled.
	// Default: 30 s.
	DrainTimeout time.Duration
	// StoreTimeout bounds the wait of a publish for the store, whatever its ctx
	// allows; after that it fails with [ErrUnavailable]. Default: 10 s.
	StoreTimeout time.Duration

	// AllowNetworks are private networks that deliveries may reach.
	// Default: none.
	AllowNetworks []netip.Prefix
	// NAT64 accepts 64:ff9b::/96 and checks the IPv4 address inside. Default: false.
	NAT64 bool
	// RootCAs are the authorities that receivers' certificates may come from, for receivers in private networks.
	// Default: those of the system.
	RootCAs *x509.CertPool
	// ClientCertificate is shown to receivers that ask for a certificate (mutual TLS), whoever their owner is.
	// Default: none.
	ClientCertificate *tls.Certificate `log:"-"`
	// GetClientCertificate returns that certificate at each handshake, in place of ClientCertificate, for a certificate
	// that is renewed. It has the contract of [tls.Config]'s. Default: none.
	GetClientCertificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	// EgressProxy is an HTTP proxy through which all deliveries go, by CONNECT: http://[user:password@]host[:port].
	// Names are looked up here and their addresses checked here; the proxy is asked for an address. An attempt that
	// fails because of the proxy is retried, and does not count as a failure of its endpoint. Default: none.
	EgressProxy *url.URL `log:"host"`
	// EgressProxyTrusted leaves it to EgressProxy to look names up. The addresses of names are then not checked here:
	// without a check of the proxy's own, a customer reaches every address that the proxy reaches. Default: false.
	EgressProxyTrusted bool
	// AllowHTTP accepts http URLs of subscriptions marked as development.
	// Default: false, https alone.
	AllowHTTP bool
	// MaxData bounds the data of an event, in bytes. Default: 1 MiB.
	MaxData int

	// SecretKeys encrypt signing secrets and the values of subscriptions' headers at rest, 32
	// bytes each: the first encrypts, all decrypt. See [Keys.Check] and [Keys.Rotate]. Default:
	// none, both are stored in the clear.
	SecretKeys [][]byte `log:"-"`
	// SecretOverlap is the time for which a replaced secret still signs. Default: 24 h.
	SecretOverlap time.Duration
	// PrivateKey, whsk_ and base64 of an ed25519 key, adds a v1a signature to
	// every delivery. Default: none.
	PrivateKey string `log:"-"`

	// OperationalEvents tell the owners of subscriptions of endpoints that fail or recover, of deliveries that failed for
	// good, and of recoveries that ended, by webhooks. Default: off.
	OperationalEvents OperationalEvents

	// Metrics takes the measurements of all parts of the library. metrics.New makes one for Prometheus, telemetry.NewMeter one
	// for OpenTelemetry. Default: nil, nothing is measured.
	Metrics measure.Sink
	// Observer gets the notices of the dispatcher. Default: none.
	Observer Observer
	// Tracer makes a span for each publish and each attempt, and continues the publisher's trace at the receiver.
	// Package telemetry has one for OpenTelemetry. Default: none.
	Tracer Tracer
	// Sender makes the HTTP requests. It replaces the client that RootCAs, the client certificate and EgressProxy configure.
	// Default: a guarded client.
	Sender Sender
	// Logger gets messages for the operator. Default: discards.
	Logger *slog.Logger
	// Clock is the time of the dispatcher: schedules, windows, time-outs, the times in records. A store has a
	// clock of its own, which says when an attempt is due and when a lease ends. A database cannot follow another
	// clock; give the memory store the same one (memstore.WithClock). Default: clock.System.
	Clock clock.Clock
	// NewID makes the ids of records, UUIDs of version 7. Default: uuid.NewV7.
	NewID func() uuid.UUID
}

// Observer gets the notices of the dispatcher. The dispatcher waits for Observe to return and
// delivers nothing meanwhile, so Observe should be quick; Stop ends without it. A panic in
// Observe is logged and has no further effect.
type Observer interface {
	// Observe gets one notice. It may be called from several goroutines at once.
	Observe(Notice)
}

// ObserverFunc is a function that is an [Observer].
type ObserverFunc func(Notice)

// Observe calls f.
func (f ObserverFunc) Observe(n Notice) { f(n) }

// DefaultRetrySchedule is the schedule that Standard Webhooks recommends: ten attempts over
// about 75 hours, with waits of 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h
// between them, each ± 20 %.
func DefaultRetrySchedule() []time.Duration { return delivery.DefaultSchedule() }

// engine returns the part of the configuration that is the engine's, with the engine's defaults.
func (c Config) engine() delivery.Config {
	engine := delivery.Config{
		Sender: c.Sender, Schedule: c.RetrySchedule, Timeout: c.Timeout, Workers: c.Workers,
		PollInterval: c.PollInterval, DrainTimeout: c.DrainTimeout,
		Deadline: c.Deadline, SecretOverlap: c.SecretOverlap, Retention: c.Retention, AuditRetention: c.AuditRetention,
		UserAgent: "ecg-webhooks/" + Version, Metrics: c.Metrics, Logger: c.Logger, Clock: c.Clock, NewID: c.NewID, Tracer: c.Tracer,
	}
	if c.Observer != nil {
		engine.Observe = c.Observer.Observe
	}
	return engine.WithDefaults()
}

// withDefaults takes over the engine's value of each field that this package uses too.
func (c Config) withDefaults(engine delivery.Config) Config {
	c.RetrySchedule, c.Timeout, c.Deadline, c.SecretOverlap = engine.Schedule, engine.Timeout, engine.Deadline, engine.SecretOverlap
	c.Retention, c.AuditRetention = engine.Retention, engine.AuditRetention
	c.Logger, c.Clock, c.NewID = engine.Logger, engine.Clock, engine.NewID
	c.StoreTimeout = cmp.Or(c.StoreTimeout, 10*time.Second)
	c.MaxData = cmp.Or(c.MaxData, 1<<20)
	return c
}

// check checks the fields that the engine does not check.
func (c Config) check() error {
	if c.StoreTimeout < 0 {
		return fmt.Errorf("webhooks: Config.StoreTimeout is %v, must be positive", c.StoreTimeout)
	}
	if c.Retention > 0 && c.Retention < minRetention {
		return fmt.Errorf("webhooks: Config.Retention is %v, must be at least %v, or negative for ever", c.Retention, minRetention)
	}
	if c.AuditRetention > 0 && c.AuditRetention < minRetention {
		return fmt.Errorf("webhooks: Config.AuditRetention is %v, must be at least %v, or negative for ever", c.AuditRetention, minRetention)
	}
	if c.MaxData < 2 {
		return fmt.Errorf("webhooks: Config.MaxData is %d, must be at least 2", c.MaxData)
	}
	for i, n := range c.AllowNetworks {
		if !n.IsValid() {
			return fmt.Errorf("webhooks: Config.AllowNetworks[%d] is not a valid network", i)
		}
	}
	if c.OperationalEvents.Operator != uuid.Nil && !c.OperationalEvents.Enabled {
		return errors.New("webhooks: Config.OperationalEvents.Operator is set, but Config.OperationalEvents.Enabled is not")
	}
	if err := c.checkProxy(); err != nil {
		return err
	}
	return c.checkSchedule()
}

func (c Config) checkProxy() error {
	if c.EgressProxy == nil {
		if c.EgressProxyTrusted {
			return errors.New("webhooks: Config.EgressProxyTrusted is set, but Config.EgressProxy is not")
		}
		return nil
	}
	if err := guard.CheckProxy(c.EgressProxy); err != nil {
		return fmt.Errorf("webhooks: Config.EgressProxy: %w", err)
	}
	return nil
}

func (c Config) checkSchedule() error {
	if len(c.RetrySchedule) == 0 {
		return errors.New("webhooks: Config.RetrySchedule is empty; leave it nil for the default")
	}
	if c.Deadline <= 0 {
		return nil // the engine refuses the deadline
	}
	left := c.Deadline // a sum could overflow
	for i, wait := range c.RetrySchedule {
		if wait <= 0 {
			return fmt.Errorf("webhooks: Config.RetrySchedule[%d] is %v, must be positive", i, wait)
		}
		if left -= wait; left < 0 {
			return fmt.Errorf("webhooks: Config.RetrySchedule must not add up to more than the deadline of %v", c.Deadline)
		}
	}
	return nil
}

// Compile-time checks: the defaults implement the interfaces that a host may implement.
var (
	_ Sender         = (*guard.Client)(nil)
	_ signing.Signer = (*signing.KeySet)(nil)
)
