package bunstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/internal/neighbour"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/storetest"
)

// bouncer is the PgBouncer of all tests, in transaction mode.
var bouncer struct {
	once sync.Once
	dir  string // of its socket
	stop func()
	err  error
}

// throughPgBouncer returns the address of a database of PgBouncer's: "many" has 30 server
// connections, each name that begins with "one" has a single one, and "escape" has
// bytea_output=escape.
func throughPgBouncer(tb testing.TB, database string) string {
	tb.Helper()
	program, dsn := neighbour.Program(tb, "pgbouncer"), testpg.DSN(tb)
	bouncer.once.Do(func() { bouncer.err = startPgBouncer(program, dsn) })
	check(tb, bouncer.err)
	return fmt.Sprintf("postgres:///%s?host=%s&port=6432&user=any&sslmode=disable", database, url.QueryEscape(bouncer.dir))
}

func startPgBouncer(program, dsn string) (err error) {
	if bouncer.dir, err = os.MkdirTemp("/tmp", "pgbouncer-"); err != nil { // a socket's path has 107 bytes at most
		return err
	}
	file := filepath.Join(bouncer.dir, "pgbouncer.ini")
	config, err := pgBouncerConfig(dsn)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	args := []string{file}
	if os.Geteuid() == 0 { // it refuses to run as root, and reads the file before it becomes this user
		args = append(args, "-u", "nobody")
		if err := os.Chmod(bouncer.dir, 0o777); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(context.Background(), program, args...)
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var reading sync.WaitGroup
	bouncer.stop = func() {
		_ = cmd.Process.Kill()
		reading.Wait()
		_ = cmd.Wait()
		_ = os.RemoveAll(bouncer.dir)
	}
	r := bufio.NewReader(log)
	if err := waitForLine(r, "process up"); err != nil {
		return fmt.Errorf("PgBouncer did not start: %w", err)
	}
	reading.Go(func() { _, _ = io.Copy(io.Discard, r) })
	return nil
}

func pgBouncerConfig(dsn string) (string, error) {
	server, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", err
	}
	to := fmt.Sprintf("host=%s port=%d dbname=%s user=%s", server.Host, server.Port, server.Database, server.User)
	if server.Password != "" {
		to += " password='" + server.Password + "'"
	}
	var config strings.Builder
	fmt.Fprintf(&config, "[databases]\nmany = %s pool_size=30\nescape = %s connect_query='SET bytea_output = escape'\n", to, to)
	for _, name := range []string{"one_settings", "one_deaf", "one_prepared", "one_listen"} {
		fmt.Fprintf(&config, "%s = %s pool_size=1\n", name, to)
	}
	fmt.Fprintf(&config, "[pgbouncer]\npool_mode = transaction\nauth_type = any\nlisten_addr =\nunix_socket_dir = %s\nmax_client_conn = 500\n",
		bouncer.dir)
	return config.String(), nil
}

// waitForLine reads lines until one has the text.
func waitForLine(r *bufio.Reader, text string) error {
	var read strings.Builder
	for {
		line, err := r.ReadString('\n')
		if strings.Contains(line, text) {
			return nil
		}
		if read.WriteString(line); err != nil {
			return fmt.Errorf("%w: %s", err, read.String())
		}
	}
}

// openThrough opens a store of our own through PgBouncer.
func openThrough(t *testing.T, database string, opts postgres.Options) *bunstore.Store {
	t.Helper()
	opts.Schema = testpg.Schema(t)
	s, err := postgres.Open(t.Context(), throughPgBouncer(t, database), opts)
	check(t, err)
	t.Cleanup(func() {
		check(t, s.Close())
		_, err := postgresPool(t).Exec(`DROP SCHEMA IF EXISTS "` + s.Schema() + `" CASCADE`)
		check(t, err)
	})
	return s.Store
}

// The whole suite through a pooler, and so without pgx's arrays and prepared statements, as
// with another driver.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	direct := testpg.DSN(t)
	shared := openThrough(t, "many", postgres.Options{MaxConns: 30})
	opts := bunstore.Options{NoPrepare: true, ListenConn: func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, direct) }}
	storetest.Run(t, func(t *testing.T) store.Store {
		return lentOn(t, shared.DB().DB, opts)
	}, storetest.OneConnection(func(t *testing.T) store.Store {
		return migrated(t, openThrough(t, "many", postgres.Options{MaxConns: 1, ListenAddress: direct}))
	}))
}

func TestPgBouncerKeepsNothingOfOurs(t *testing.T) {
	t.Parallel()
	s := migrated(t, openThrough(t, "one_settings", postgres.Options{ListenAddress: testpg.DSN(t)}))
	check(t, s.Ping(t.Context()))
	newWalk(t, s).all()
	config, err := pgx.ParseConfig(throughPgBouncer(t, "one_settings"))
	check(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	stranger := stdlib.OpenDB(*config)
	t.Cleanup(func() { check(t, stranger.Close()) })
	for what, query := range map[string]string{
		"settings": `SELECT string_agg(name, ', ') FROM pg_settings WHERE source = 'session'
  AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')`, // that PgBouncer sets for each client
		"prepared statements": `SELECT string_agg(name, ', ') FROM pg_prepared_statements`,
		"channels":            `SELECT string_agg(c, ', ') FROM pg_listening_channels() AS c`,
		"advisory locks":      `SELECT string_agg(objid::text, ', ') FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
		"temporary tables":    `SELECT string_agg(relname, ', ') FROM pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema()`,
	} {
		var left *string
		check(t, stranger.QueryRowContext(t.Context(), query).Scan(&left))
		if left != nil {
			t.Errorf("another client finds %s: %s", what, *left)
		}
	}
}

func TestListenThroughATransactionPooler(t *testing.T) {
	t.Parallel()
	t.Run("SaysThatItHearsNothing", func(t *testing.T) {
		t.Parallel()
		s := migrated(t, openThrough(t, "one_deaf", postgres.Options{}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := s.Listen(ctx, func() {})
		if err == nil || !strings.Contains(err.Error(), "ListenAddress") {
			t.Errorf("Listen returned %v, want the hint at ListenAddress", err)
		}
		var channels int
		check(t, s.DB().QueryRowContext(t.Context(), "SELECT count(*) FROM pg_listening_channels()").Scan(&channels))
		if channels != 0 {
			t.Errorf("the server connection still listens to %d channels", channels)
		}
	})
	t.Run("IsNotDeceivedByNotificationsOfOtherProcesses", func(t *testing.T) {
		t.Parallel()
		s := migrated(t, openThrough(t, "many", postgres.Options{MaxConns: 20}))
		stop := notifyAlways(t, s.Schema()) // so that some arrive together with the answer to LISTEN
		defer stop()
		var listening sync.WaitGroup
		for range 8 {
			listening.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := s.Listen(ctx, func() {}); err == nil || !strings.Contains(err.Error(), "ListenAddress") {
					t.Errorf("Listen returned %v, want the hint at ListenAddress", err)
				}
			})
		}
		listening.Wait()
	})
	t.Run("HearsOnAnAddressOfItsOwn", func(t *testing.T) {
		t.Parallel()
		s := migrated(t, openThrough(t, "one_listen", postgres.Options{ListenAddress: testpg.DSN(t), MaxConns: 1}))
		ctx, cancel := context.WithCancel(t.Context())
		woken, ended := make(chan struct{}, 100), make(chan error)
		go func() { ended <- s.Listen(ctx, func() { woken <- struct{}{} }) }()
		<-woken // it listens
		<-woken // it heard itself
		sc := newScene(t, s)
		_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message(nil)}, sc.options(0))
		check(t, err)
		<-woken
		cancel()
		check(t, <-ended)
	})
}

// notifyAlways sends notifications of another process, one after another.
func notifyAlways(t *testing.T, channel string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	pool := postgresPool(t)
	var notifying sync.WaitGroup
	for range 4 {
		notifying.Go(func() {
			for ctx.Err() == nil {
				_, _ = pool.ExecContext(ctx, "SELECT pg_notify($1, '')", channel)
			}
		})
	}
	return func() { cancel(); notifying.Wait() }
}

// A host's pool prepares statements through PgBouncer before 1.21: the error names the remedy.
func TestPreparedStatementsThroughAPoolerGetAHint(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(throughPgBouncer(t, "one_prepared"))
	check(t, err)
	schema := newPostgres(t).Schema()
	pools := make([]*bunstore.Store, 2)
	for i := range pools {
		pool := stdlib.OpenDB(*config)
		t.Cleanup(func() { check(t, pool.Close()) })
		pools[i], err = bunstore.New(bun.NewDB(pool, pgdialect.New()), bunstore.Options{Schema: schema})
		check(t, err)
	}
	_, _, first := pools[0].Claim(t.Context(), store.ClaimOptions{Max: 1})
	_, _, second := pools[1].Claim(t.Context(), store.ClaimOptions{Max: 1})
	if err := errors.Join(first, second); !strings.Contains(err.Error(), "NoPrepare") ||
		!strings.Contains(err.Error(), "default_query_exec_mode") {
		t.Errorf("got %v, want a hint at NoPrepare and default_query_exec_mode", err)
	}
}
