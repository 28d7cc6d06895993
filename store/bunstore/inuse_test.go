package bunstore_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// checkInUse compares the answer of CheckAlone with the truth.
func checkInUse(t *testing.T, s *bunstore.Store, rule string, used bool) {
	t.Helper()
	err := s.CheckAlone(t.Context())
	if errors.Is(err, bunstore.ErrInUse) != used || !used && err != nil {
		t.Errorf("%s: %v", rule, err)
	}
}

func TestCheckAloneFindsAnotherConnectionToTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webhooks.db")
	s, other := openSQLite(t, path), openSQLite(t, path)
	check(t, s.Migrate(t.Context()))
	check(t, other.Ping(t.Context()))
	checkInUse(t, s, "an idle connection", true)
	check(t, other.DB().Close())
	checkInUse(t, s, "alone", false)
	checkInUse(t, s, "again", false)
	check(t, s.Ping(t.Context()))
	var mode string
	check(t, s.DB().NewRaw("PRAGMA journal_mode").Scan(t.Context(), &mode))
	if mode != "wal" {
		t.Errorf("the journal mode is %s afterwards", mode)
	}
}

func TestCheckAloneFindsSessions(t *testing.T) {
	t.Parallel()
	opts := postgres.Options{Options: bunstore.Options{Schema: testpg.Schema(t)}, MaxConns: 1}
	open := func(name string, opts postgres.Options) *postgres.Store {
		address, err := url.Parse(testpg.DSN(t))
		check(t, err)
		if name != "" {
			query := address.Query()
			query.Set("application_name", name)
			address.RawQuery = query.Encode()
		}
		s, err := postgres.Open(t.Context(), address.String(), opts)
		check(t, err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := open("", opts)
	check(t, s.Migrate(t.Context()))
	t.Cleanup(func() { check(t, s.Down(context.Background(), 200)) })
	elsewhere := open("", postgres.Options{Options: bunstore.Options{Schema: testpg.Schema(t)}})
	_ = elsewhere.Ping(t.Context())
	checkInUse(t, s.Store, "another schema in use", false)

	ended := func(rule string) {
		t.Helper()
		// The server ends a session some time after its client has closed the connection.
		for began := time.Now(); time.Since(began) < time.Minute && s.CheckAlone(t.Context()) != nil; {
			runtime.Gosched()
		}
		checkInUse(t, s.Store, rule, false)
	}
	for rule, role := range map[string]string{"a session of bunstore/postgres": "", "a session with a role": "api"} {
		used := opts
		used.Role = role
		host := open("", used)
		checkInUse(t, s.Store, rule, true)
		check(t, host.Close())
		ended("after " + rule)
	}

	opts.Role = "dispatcher"
	service := open("a_service", postgres.Options{Options: opts.Options, MaxConns: 2})
	ctx, cancel := context.WithCancel(t.Context())
	listening, over := make(chan struct{}, 1), make(chan error)
	go func() {
		over <- service.Listen(ctx, func() { listening <- struct{}{} })
	}()
	<-listening
	<-listening // again, once it has its name
	checkInUse(t, s.Store, "a session that listens", true)
	cancel()
	check(t, <-over)
	check(t, service.Close())
	ended("after that session")
}
