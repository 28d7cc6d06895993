//go:build unix

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// applicationName is the name of connections that belong to a scenario.
const applicationName = "chaos"

// connectionsExhausted takes all connections that PostgreSQL allows.
func connectionsExhausted(ctx context.Context, t *trial) error {
	return t.unwritable(ctx, func(last func(settled time.Duration) error) error {
		taken, err := t.takeConnections(ctx)
		if err == nil {
			err = last(time.Second) // by then the answers about earlier commits have arrived
		}
		for _, c := range taken {
			err = errors.Join(err, c.Close(context.WithoutCancel(ctx)))
		}
		t.result.note("%d connections were taken", len(taken))
		return err
	})
}

// takenFor is how long the hosts have no connection, and none is free, before all are taken.
const takenFor = time.Second

// takeConnections opens connections, and ends the hosts' connections, until the hosts have none and get none.
func (t *trial) takeConnections(ctx context.Context) (taken []*pgx.Conn, err error) {
	config, err := pgx.ParseConfig(t.store.String())
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = applicationName
	for since := time.Now(); time.Since(since) < takenFor && ctx.Err() == nil; {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			taken, since = append(taken, conn), time.Now()
			continue
		}
		if len(taken) == 0 {
			return nil, err
		}
		var ended int
		if err := taken[0].QueryRow(ctx, terminateBackends+` AND application_name <> $1`, applicationName).Scan(&ended); err != nil {
			return taken, err
		}
		if ended > 0 {
			since = time.Now()
		}
	}
	return taken, ctx.Err()
}

// conflictTrigger lets every tenth statement fail as if another transaction had been in its way. A sequence counts
// these failures: it is not rolled back.
const conflictTrigger = `
CREATE SEQUENCE webhooks.chaos_conflicts;
CREATE FUNCTION webhooks.chaos_conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF random() < 0.1 THEN
    PERFORM nextval('webhooks.chaos_conflicts');
    RAISE EXCEPTION 'chaos' USING ERRCODE = CASE WHEN random() < 0.5 THEN 'deadlock_detected' ELSE 'serialization_failure' END;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER chaos BEFORE INSERT OR UPDATE OR DELETE ON webhooks.queue
  FOR EACH STATEMENT EXECUTE FUNCTION webhooks.chaos_conflict();
CREATE TRIGGER chaos BEFORE INSERT OR UPDATE OR DELETE ON webhooks.idempotency_keys
  FOR EACH STATEMENT EXECUTE FUNCTION webhooks.chaos_conflict()`

// deadlocks lets statements fail by concurrent transactions: by a trigger, and by another program that locks rows of
// the queue from both ends.
func deadlocks(ctx context.Context, t *trial) error {
	if err := t.setUp(ctx, 2, slow(answerTime/5)); err != nil {
		return err
	}
	for _, statement := range []string{"ALTER SYSTEM SET deadlock_timeout = '50ms'", "SELECT pg_reload_conf()", conflictTrigger} {
		if _, err := t.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	locking, end := context.WithCancel(ctx)
	defer end()
	var locker sync.WaitGroup
	locker.Go(func() { t.lockFromBothEnds(locking) })
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	err := wait(ctx, t.during)
	end()
	locker.Wait()
	stop()
	if err != nil {
		return err
	}
	v := t.conclude(ctx)
	var conflicts, deadlocks int
	err = t.db.QueryRowContext(ctx, `SELECT last_value, (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())
FROM webhooks.chaos_conflicts`).Scan(&conflicts, &deadlocks)
	if err != nil {
		return err
	}
	t.result.note("%d deadlocks beside the statements that a trigger let fail", deadlocks)
	t.result.check("statements that failed by a trigger", float64(conflicts), atLeast(float64(t.faults)))
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.within("longest time from acknowledgement to delivery", v.slowest, maxResume)
	t.resumed(0)
	return nil
}

// lockFromBothEnds locks rows of the queue in an order that deadlocks with other transactions, until ctx ends.
func (t *trial) lockFromBothEnds(ctx context.Context) {
	for ctx.Err() == nil {
		tx, err := t.db.BeginTx(ctx, nil)
		if err != nil {
			continue
		}
		for _, order := range []string{"DESC", "ASC"} {
			_, _ = tx.ExecContext(ctx, `SELECT FROM webhooks.queue ORDER BY attempt_id `+order+` LIMIT 20 FOR UPDATE`) // it may deadlock
			_ = wait(ctx, 20*time.Millisecond)
		}
		_ = tx.Rollback()
		_ = wait(ctx, 50*time.Millisecond)
	}
}
