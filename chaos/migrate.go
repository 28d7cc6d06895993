//go:build unix

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"
)

// migrateRace starts three hosts on an empty database, and kills hosts in the middle of a migration.
func migrateRace(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 1, slow(0)); err != nil {
		return err
	}
	want, err := tables(ctx, t.store)
	if err != nil {
		return err
	}
	messages, incomplete := 0, 0
	for i := range t.faults {
		n, err := t.race(ctx, fmt.Sprintf("race_%d", i), want)
		if err != nil {
			return err
		}
		messages = max(messages, n)
		at := 1 + t.random.IntN(messages)
		found, err := t.interrupt(ctx, fmt.Sprintf("interrupt_%d", i), at, want)
		if err != nil {
			return fmt.Errorf("killed at message %d: %w", at, err)
		}
		if found < want {
			incomplete++
		}
	}
	t.publisher.count(ctx, 10)
	t.conclude(ctx)
	t.result.note("%d kills left an unfinished schema, which the next start completed; a start sends up to %d messages", incomplete, messages)
	return nil
}

// database creates an empty database.
func (t *trial) database(ctx context.Context, name string) (*url.URL, error) {
	if _, err := t.db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	address := *t.store
	address.Path = "/" + name
	return &address, nil
}

// race starts three hosts together on an empty database, and returns the messages that one of them sends.
func (t *trial) race(ctx context.Context, name string, want int) (messages int, err error) {
	store, err := t.database(ctx, name)
	if err != nil {
		return 0, err
	}
	var sent atomic.Int64
	var hosts []*host
	for range 3 {
		h, err := t.newHost(ctx, store)
		if err != nil {
			return 0, err
		}
		hosts = append(hosts, h)
	}
	hosts[0].proxy.setCut(counted(&sent, func(int64) bool { return false }))
	if err := startAll(ctx, hosts); err != nil {
		return 0, err
	}
	for _, h := range hosts {
		h.kill()
	}
	return int(sent.Load()), t.complete(ctx, store, want)
}

// counted counts the statements of a host and cuts the connection instead of forwarding one, once done says so.
func counted(sent *atomic.Int64, done func(n int64) bool) cutter {
	return func(statement string, _ []string) cutAction {
		if statement != "" && done(sent.Add(1)) {
			return cutBefore
		}
		return forward
	}
}

// interrupt kills a host at the nth statement of its start, and returns the number of tables that it left behind.
func (t *trial) interrupt(ctx context.Context, name string, nth, want int) (found int, err error) {
	store, err := t.database(ctx, name)
	if err != nil {
		return 0, err
	}
	h, err := t.newHost(ctx, store)
	if err != nil {
		return 0, err
	}
	reached, sent := make(chan struct{}), atomic.Int64{}
	h.proxy.setCut(counted(&sent, func(n int64) bool {
		if n == int64(nth) {
			close(reached)
		}
		return n >= int64(nth)
	}))
	p, listening, err := h.launch(ctx)
	if err != nil {
		return 0, err
	}
	select {
	case <-reached:
	case <-listening: // it needed fewer statements than the host that raced
	case <-time.After(startPatience):
		return 0, fmt.Errorf("the start did not come so far: %s", p.stderr)
	}
	h.kill()
	h.proxy.setCut(nil)
	if found, err = tables(ctx, store); err != nil {
		return 0, err
	}
	if err := h.start(ctx); err != nil {
		return 0, err
	}
	h.kill()
	return found, t.complete(ctx, store, want)
}

// complete returns an error if the database does not have all tables.
func (t *trial) complete(ctx context.Context, store *url.URL, want int) error {
	found, err := tables(ctx, store)
	if err == nil && found != want {
		err = fmt.Errorf("%d tables and indexes of the schema are there, want %d", found, want)
	}
	return err
}

// tables returns the number of tables and indexes in the schema of the product.
func tables(ctx context.Context, store *url.URL) (n int, err error) {
	db, err := sql.Open("pgx", store.String())
	if err != nil {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('webhooks')`).Scan(&n)
	return n, errors.Join(err, db.Close())
}
