package main

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
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
