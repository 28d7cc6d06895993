package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// MaxTimeout bounds the time of one attempt. The lease of a claim is longer, so that an attempt
// ends while this process holds it.
const MaxTimeout = 30 * time.Second

// Config of an [Engine]. Store, Sender and Signer are required.
type Config struct {
	Store  Store  // the queue, and the subscriptions to send to
	Sender Sender // makes the requests
	// Signer prepares the signatures for a subscription, from its secrets that
	// are valid now.
	Signer func(store.Target) (signing.Signer, error)

	Schedule Schedule      // waits between attempts. Default: DefaultSchedule()
	Timeout  time.Duration // of one attempt, at most MaxTimeout. Default: 15 s

	// Workers is how many attempts may be in flight; most of them wait for an answer, which
	// costs memory and no processor time. Default: 1,536, or fewer where GOMEMLIMIT is set, so
	// that at 128 KiB each they take at most half of it.
	Workers         int
	PerSubscription int // attempts in flight to one subscription, at most. Default: a quarter of Workers, at most 64
	Backlog         int // attempts that wait in memory. Default: 6 for each worker, at least 1,024
	BacklogBytes    int // their bodies. Default: 32 MiB

	Lease        time.Duration // of a claim. Default: 40 s
	PollInterval time.Duration // how often to look for due attempts when nothing wakes the engine. Default: 500 ms
	DrainTimeout time.Duration // how long a cancelled Start waits for attempts in flight. Default: 30 s

	Deadline      time.Duration // how long attempts that a recovery queues may be sent, from their creation. Default: 96 h
	SecretOverlap time.Duration // how long a replaced secret still signs. Default: 24 h
	UserAgent     string        // Default: "ecg-webhooks"

	// Retention is how long history is kept; negative for ever. From 48 h on whole
	// days (in UTC) go, so that it is kept up to a day longer. Default: 720 h.
	Retention time.Duration
	// AuditRetention is how long entries of the audit trail are kept; negative for ever. Default: 9600 h (400 days).
	AuditRetention time.Duration

	// Ready is asked by Start once the store has answered, and asked again while its error is store.ErrLocked. Another error
	// ends the Start. Default: the host is always ready.
	Ready func(ctx context.Context) error

	// Announce makes the messages that tell of an announcement. They are published in the transaction of the change that
	// is announced. Default: nil, nothing is announced.
	Announce func(Announcement) []store.NewMessage
	// Announces reports whether a message, by its body, was made by Announce. The outcomes of its deliveries are not
	// announced: two endpoints that fail would tell of each other for ever. Default: no message was.
	Announces func(body []byte) bool

	Metrics measure.Sink     // takes the engine's measurements. Default: nil, nothing is measured
	Logger  *slog.Logger     // Default: discards
	Observe func(Notice)     // called in line, so quickly. Default: nothing
	Tracer  Tracer           // makes the spans of attempts. Default: none
	Clock   clock.Clock      // all waits and times of the engine. Default: clock.System
	NewID   func() uuid.UUID // version 7. Default: uuid.NewV7
}

// Sender makes the requests. A guard.Client is the usual one; a test or another transport
// supplies its own. A panic in Post fails the attempt, and so does a call that has not
// returned 2 s after its time-out; its late result is dropped.
type Sender interface {
	// Post sends the request within its time-out and returns the response or the error. It
	// neither keeps nor changes the parts of the request.
	Post(ctx context.Context, r guard.Request) guard.Result
}

// defaultWorkers returns how many workers suit a limit on memory, in bytes.
func defaultWorkers(memory int64) int {
	const most, least, each = 1536, 64, 128 << 10
	return int(max(least, min(memory/2/each, most)))
}

// WithDefaults returns the configuration with its default in place of each zero value.
func (c Config) WithDefaults() Config {
	if c.Schedule == nil {
		c.Schedule = DefaultSchedule()
	}
	c.Timeout = cmp.Or(c.Timeout, 15*time.Second)
	c.Workers = cmp.Or(c.Workers, defaultWorkers(debug.SetMemoryLimit(-1))) // -1 reads the limit
	c.PerSubscription = cmp.Or(c.PerSubscription, min(64, max(1, c.Workers/4)))
	c.Backlog = cmp.Or(c.Backlog, max(6*c.Workers, 1024))
	c.BacklogBytes = cmp.Or(c.BacklogBytes, 32<<20)
	c.Lease = cmp.Or(c.Lease, 40*time.Second)
	c.PollInterval = cmp.Or(c.PollInterval, 500*time.Millisecond)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 30*time.Second)
	c.Deadline = cmp.Or(c.Deadline, 96*time.Hour)
	c.SecretOverlap = cmp.Or(c.SecretOverlap, 24*time.Hour)
	c.Retention = cmp.Or(c.Retention, 30*24*time.Hour)
	c.AuditRetention = cmp.Or(c.AuditRetention, 400*24*time.Hour)
	c.UserAgent = cmp.Or(c.UserAgent, "ecg-webhooks")
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	if c.Announces == nil {
		c.Announces = func([]byte) bool { return false }
	}
	if c.Observe == nil {
		c.Observe = func(Notice) {}
	}
	if c.Clock == nil {
		c.Clock = clock.System
	}
	if c.NewID == nil {
		c.NewID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Store == nil:
		return errors.New("delivery: Config.Store is nil")
	case c.Sender == nil:
		return errors.New("delivery: Config.Sender is nil")
	case c.Signer == nil:
		return errors.New("delivery: Config.Signer is nil")
	}
	if err := c.checkPositive(); err != nil {
		return err
	}
	if c.Timeout > MaxTimeout {
		return fmt.Errorf("delivery: Config.Timeout is %v, must be at most %v", c.Timeout, MaxTimeout)
	}
	if c.Lease < c.Timeout+leaseMargin {
		return fmt.Errorf("delivery: Config.Lease is %v, must be at least Timeout + %v", c.Lease, leaseMargin)
	}
	for i, wait := range c.Schedule {
		if wait <= 0 {
			return fmt.Errorf("delivery: Config.Schedule[%d] is %v, must be positive", i, wait)
		}
	}
	return nil
}

// checkPositive names the first number or duration that is not positive.
func (c Config) checkPositive() error {
	for _, f := range []struct {
		name string
		n    int
	}{
		{"Workers", c.Workers},
		{"PerSubscription", c.PerSubscription},
		{"Backlog", c.Backlog},
		{"BacklogBytes", c.BacklogBytes},
	} {
		if f.n < 1 {
			return fmt.Errorf("delivery: Config.%s is %d, must be at least 1", f.name, f.n)
		}
	}
	for _, f := range []struct {
		name string
		d    time.Duration
	}{
		{"Timeout", c.Timeout},
		{"Lease", c.Lease},
		{"PollInterval", c.PollInterval},
		{"DrainTimeout", c.DrainTimeout},
		{"Deadline", c.Deadline},
		{"SecretOverlap", c.SecretOverlap},
	} {
		if f.d <= 0 {
			return fmt.Errorf("delivery: Config.%s is %v, must be positive", f.name, f.d)
		}
	}
	return nil
}

// senderGrace is how long after the deadline of an attempt its Sender may return.
const senderGrace = 2 * time.Second

// leaseMargin is how much longer than its time-out the lease of an attempt must last when the
// attempt begins: time to give up its Sender, and to record it.
const leaseMargin = senderGrace + 2*time.Second
