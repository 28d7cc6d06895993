package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// onPostgres returns the environment of hosts that share a new PostgreSQL schema.
func onPostgres(t *testing.T) (environ []string, schema string) {
	t.Helper()
	schema = testpg.Schema(t)
	environ = []string{"WEBHOOKS_STORE=" + testpg.DSN(t), "WEBHOOKS_SCHEMA=" + schema}
	dropSchema(t, environ)
	return environ, schema
}

// serveHere runs serve in this process, with a changed configuration, until the test
// ends. It returns the base URL of the listener.
func serveHere(t *testing.T, environ []string, change func(*config), args ...string) string {
	t.Helper()
	stdout := new(lockedBuffer)
	h := &host{environ: environ, stdout: stdout, stderr: t.Output()}
	c, command, err := h.parse(append([]string{"serve", "--addr=127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	s, ok := command.(*serveCmd)
	if !ok {
		t.Fatalf("the command is a %T", command)
	}
	conf, err := h.config(s.settings)
	if err != nil {
		t.Fatal(err)
	}
	conf.library.Logger = c.logger(h.stderr)
	change(conf)
	db, err := conf.open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	p := &process{config: conf, host: h, log: conf.library.Logger}
	go func() { ended <- p.run(ctx, db) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	url := ""
	within(t, func() bool {
		_, after, _ := strings.Cut(stdout.String(), "listening on ")
		var whole bool
		url, _, whole = strings.Cut(after, "\n")
		return whole
	})
	return url
}

func TestTheDispatcherHearsOfEventsThatAnotherHostPublishes(t *testing.T) {
	t.Parallel()
	environ, _ := onPostgres(t)
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	environ = append(environ, testKeys)
	front := serve(t, folder, environ, "--api", "--dev")
	a := api{front.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	serveHere(t, environ, func(c *config) {
		c.library.PollInterval = time.Hour
		c.library.AllowNetworks = networks{netip.MustParsePrefix("127.0.0.0/8")}
	}, "--dispatcher")
	for range 5 { // the claims at the start may find the first one
		id := a.publish(t)
		if got := next(t, posts).header.Get("webhook-id"); got != id {
			t.Fatalf("webhook-id %s, want %s", got, id)
		}
	}
}

func TestTheDispatcherMakesMissingPartitions(t *testing.T) {
	t.Parallel()
	environ, schema := onPostgres(t)
	if r := command(t, environ, "migrate", "up"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	db, err := postgres.Open(t.Context(), testpg.DSN(t), postgres.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	missing := fmt.Sprintf(`"%s".messages_%s`, schema, time.Now().UTC().AddDate(0, 0, 1).Format("20060102"))
	if _, err := db.DB().DB.ExecContext(t.Context(), "DROP TABLE "+missing); err != nil {
		t.Fatal(err)
	}
	s := serve(t, t.TempDir(), append(environ, testKeys), "--dispatcher", "--no-migrate")
	api{url: s.url}.call(t, http.MethodGet, "/healthcheck", nil, nil, http.StatusOK)
	within(t, func() bool {
		there := false
		if err := db.DB().DB.QueryRowContext(t.Context(), "SELECT to_regclass($1) IS NOT NULL", missing).Scan(&there); err != nil {
			t.Fatal(err)
		}
		return there
	})
}
