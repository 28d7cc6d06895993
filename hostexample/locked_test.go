package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

func TestALockedDatabaseIsA503(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	s := serve(t, folder, nil)
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)

	other, err := sqlite.Open(t.Context(), filepath.Join(folder, "webhooks.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	conn, err := other.DB().DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), frozenPatience)
	defer cancel()
	status, text, err := a.try(ctx, http.MethodPost, testOrg+"/events", event(1))
	if err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("publish: %d %s %v, want 503", status, text, err)
	}
	status, text, err = a.try(ctx, http.MethodGet, "/healthcheck", nil)
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(text), "the store cannot be written") {
		t.Errorf("health: %d %s %v, want 503 that says that the store cannot be written", status, text, err)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	a.publish(t)
	next(t, posts)
}

// busyFor is a store that answers with an error at first.
type busyFor struct {
	times int
	err   error
}

func (b *busyFor) Ping(context.Context) error {
	if b.times--; b.times >= 0 {
		return b.err
	}
	return nil
}

func TestAStartWaitsForALockAndForNothingElse(t *testing.T) {
	t.Parallel()
	if err := answers(t.Context(), &busyFor{3, store.ErrLocked}); err != nil {
		t.Errorf("a lock of a moment: %v", err)
	}
	if err := answers(t.Context(), &busyFor{1, store.ErrReadOnly}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a store that is read-only: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := answers(ended, &busyFor{1000, store.ErrLocked}); err == nil {
		t.Error("the wait did not end with its context")
	}
}

// refusals is how often each write of a start is refused.
const refusals = 2

// lockedAtFirst is a store that refuses a write of each kind several times before it carries one out, as a busy SQLite file does.
type lockedAtFirst struct {
	store.Store
	mu    sync.Mutex
	tries map[string]int // by kind
}

func (l *lockedAtFirst) write(kind string, carryOut func() error) error {
	l.mu.Lock()
	l.tries[kind]++
	refused := l.tries[kind]%(refusals+1) != 0
	l.mu.Unlock()
	if refused {
		return store.ErrLocked
	}
	return carryOut()
}

func (l *lockedAtFirst) Ping(ctx context.Context) error {
	return l.write("ping", func() error { return l.Store.Ping(ctx) })
}

func (l *lockedAtFirst) ApplySeed(ctx context.Context, s store.Seed) (applied bool, err error) {
	err = l.write("seed", func() error {
		applied, err = l.Store.ApplySeed(ctx, s)
		return err
	})
	return applied, err
}

func (l *lockedAtFirst) CreateSubscription(ctx context.Context, s store.Subscription, first store.Secret) error {
	return l.write("subscription", func() error { return l.Store.CreateSubscription(ctx, s, first) })
}

func (l *lockedAtFirst) AddAuditEntry(ctx context.Context) error {
	return l.write("audit entry", func() error { return l.Store.AddAuditEntry(ctx) })
}

func TestEachWriteOfAStartWaitsForALock(t *testing.T) {
	t.Parallel()
	said := new(lockedBuffer)
	h := &host{stdout: said, stderr: io.Discard}
	_, command, err := h.parse([]string{"serve", "--addr=127.0.0.1:0", "--store=sqlite:" + filepath.Join(t.TempDir(), "webhooks.db"), "--dev"})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := h.config(command.(*serveCmd).settings)
	if err != nil {
		t.Fatal(err)
	}
	db, err := conf.open(t.Context(), conf.role())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	busy := &lockedAtFirst{Store: db.Store, tries: map[string]int{}}
	db.Store = busy
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		p := &process{config: conf, host: h, log: slog.New(slog.DiscardHandler)}
		ended <- p.run(ctx, db)
	}()
	within(t, func() bool { return len(ended) > 0 || strings.Contains(said.String(), "listening on") })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, kind := range []string{"ping", "seed", "subscription", "audit entry"} {
		if busy.tries[kind] <= refusals {
			t.Errorf("%s: %d tries, want more than %d", kind, busy.tries[kind], refusals)
		}
	}
}
