//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

// The database is watched for a hot loop.
const (
	statisticsDelay = 11 * time.Second // an idle session of PostgreSQL reports its transactions after at most 10 s
	poisonWatch     = 11 * time.Second
	hotLoop         = 50 // transactions a second; an idle host makes a few
)

// poison damages rows while nothing is delivered, and then starts a host that delivers.
func poison(ctx context.Context, t *trial) error {
	if err := t.onPostgres(ctx); err != nil {
		return err
	}
	if err := t.hosts(ctx, 1, "--api"); err != nil {
		return err
	}
	publishing := t.fleet.hosts
	if err := t.receive(ctx, slow(0), "/a", "/b"); err != nil {
		return err
	}
	var damaged []string
	for range damagedSubscriptions {
		id, err := t.fleet.subscribe(ctx, t.receiver.server.URL+"/damaged")
		if err != nil {
			return err
		}
		damaged = append(damaged, id)
	}
	t.publisher.count(ctx, t.rate)
	neighbours, err := t.damage(ctx, damaged)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := t.hosts(ctx, 1, "--retry-schedule=1s,1s"); err != nil {
		return err
	}
	t.fleet.hosts = publishing
	arrived := func() (bool, error) { return t.receiver.missing(t.paths, neighbours) == 0, nil }
	if err := poll(ctx, serverPatience, arrived); err != nil {
		return fmt.Errorf("the neighbours of damaged rows: %w", err)
	}
	t.within("time to start and deliver the neighbours", time.Since(began), serverPatience)
	return t.endOfPoison(ctx, neighbours)
}

// damagedSubscriptions are the subscriptions that damage damages.
const damagedSubscriptions = 3

// damage damages the subscriptions, and three events. It returns all other events.
func (t *trial) damage(ctx context.Context, subscriptions []string) (neighbours map[int]acknowledgement, err error) {
	neighbours = t.publisher.acknowledged()
	events := t.random.Perm(t.rate)
	for i, change := range []string{
		`UPDATE webhooks.secrets SET key = '\x0102030405' WHERE subscription_id = $1`,
		`UPDATE webhooks.subscriptions SET headers = 'no JSON' WHERE id = $1`,
		`UPDATE webhooks.subscriptions SET retry_schedule = '[' WHERE id = $1`,
		`DELETE FROM webhooks.messages WHERE id = $1`,
		`UPDATE webhooks.messages SET body = NULL WHERE id = $1`,
		`UPDATE webhooks.attempts SET expires_at = 'infinity' WHERE message_id = $1`,
	} {
		var row string
		if i < len(subscriptions) {
			row = subscriptions[i]
		} else {
			row = neighbours[events[i]].id
			delete(neighbours, events[i])
		}
		changed, err := t.db.ExecContext(ctx, change, row)
		if err != nil {
			return nil, err
		}
		if n, _ := changed.RowsAffected(); n == 0 {
			return nil, fmt.Errorf("there is nothing to damage: %s", change)
		}
	}
	return neighbours, nil
}

// endOfPoison asserts that the damaged deliveries end in the history, and that nothing loops.
func (t *trial) endOfPoison(ctx context.Context, neighbours map[int]acknowledgement) error {
	ended := func() (bool, error) { n, err := t.queued(ctx); return n == 0, err }
	if err := poll(ctx, maxLease+serverPatience, ended); err != nil {
		n, _ := t.queued(ctx)
		t.result.note("%d damaged attempts are still queued", n)
	}
	transactions, err := t.transactions(ctx)
	if err != nil {
		return err
	}
	var succeeded int
	err = t.db.QueryRowContext(ctx, `SELECT count(*) FROM webhooks.attempts AS a JOIN webhooks.subscriptions AS s ON s.id = a.subscription_id
WHERE a.status = 2 AND s.post_uri LIKE '%/damaged'`).Scan(&succeeded)
	if err != nil {
		return err
	}
	v := t.receiver.judge(t.paths, neighbours, nil)
	r := t.result
	r.Acknowledged, r.Delivered, r.Lost, r.Duplicated = len(neighbours), v.delivered, v.lost, v.duplicated
	r.check("lost neighbours", float64(v.lost), atMost(0))
	r.check("duplicated", float64(v.duplicated), atMost(0))
	damaged, _ := t.receiver.requests("/damaged")
	r.check("requests of damaged deliveries", float64(damaged+v.delivered-len(t.paths)*len(neighbours)), atMost(0))
	r.check("deliveries with a damaged secret that succeeded", float64(succeeded), atMost(0))
	r.check("transactions a second after the end", transactions, atMost(hotLoop))
	return t.visible(ctx)
}

// transactions returns the transactions a second of the database.
func (t *trial) transactions(ctx context.Context) (perSecond float64, err error) {
	var counts [2]float64
	for i, before := range []time.Duration{statisticsDelay, poisonWatch} {
		if err := wait(ctx, before); err != nil {
			return 0, err
		}
		query := `SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()`
		if err := t.db.QueryRowContext(ctx, query).Scan(&counts[i]); err != nil {
			return 0, err
		}
	}
	return (counts[1] - counts[0]) / poisonWatch.Seconds(), nil
}

// visible notes the errors of the attempts that did not succeed, and asserts that they have one.
func (t *trial) visible(ctx context.Context) error {
	rows, err := t.db.QueryContext(ctx, `SELECT status, left(error, 60), count(*) FROM webhooks.attempts
WHERE status <> 2 GROUP BY 1, 2 ORDER BY 3 DESC`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	silent := 0
	for rows.Next() {
		var status, n int
		var text string
		if err := rows.Scan(&status, &text, &n); err != nil {
			return err
		}
		t.result.note("%d attempts with status %d: %q", n, status, text)
		if status != 0 && text == "" {
			silent += n
		}
	}
	t.result.check("ended attempts without an error", float64(silent), atMost(0))
	return rows.Err()
}
