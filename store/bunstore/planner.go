package bunstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store/bunstore/internal/session"
)

// A prepared statement keeps the plan of PostgreSQL that was made while a table was nearly empty.
// These texts leave the planner one plan, which also serves a full table. For each of them
// docs/decisions/planner-settings.md says which plan it prevents, and how that plan was seen.
const (
	// fenced ends a subquery that the planner must run by itself, once for each outer row. A
	// subquery without OFFSET becomes a join, and a join may read the whole table. In EXISTS a
	// LIMIT comes before it: SQLite demands one, and PostgreSQL takes no notice of one alone.
	fenced = ` OFFSET 0`

	// notJoined follows a condition IN (SELECT …), which then stays a look-up in a hash table.
	// Without it the condition becomes a join, and the planner, which expects one row of r, reads r
	// anew for each row.
	notJoined = ` IS TRUE`

	// attemptsOfR finds the rows of the queue, q, of the attempts in r. An array leaves the
	// planner one plan: to look each attempt up. A join of r with an empty queue reads all of
	// the queue, and does so still when the queue is full, a second for each statement.
	attemptsOfR = `q.attempt_id = ANY(ARRAY(SELECT attempt FROM r))`

	// sending is a condition that the planner cannot estimate. By the statistics hardly any row
	// is being sent, so for "sending" alone it would read all of the queue for each outcome.
	sending = `coalesce(sending, false)`

	// queueOrder is the order of the index queue_due. The index has uuid_send(attempt_id) instead
	// of attempt_id, so that it cannot serve a look-up by attempt_id: on an empty queue it
	// would look as cheap as the primary key.
	queueOrder = `due_at, uuid_send(attempt_id)`

	// allowBitmapScans is for the statement that uses the index of messages.created_at: a BRIN
	// index serves bitmap scans only.
	allowBitmapScans = `SET LOCAL enable_bitmapscan = on`
)

// planLocally sets the planner settings for one transaction.
var planLocally = session.PlanLocally()

// plansLocally reports whether transactions set the planner settings: statements are prepared,
// and sessions do not begin with these settings. A statement that is not prepared is planned
// for the tables as they are, and needs no settings.
func (s *Store) plansLocally() bool { return s.native && s.unplanned.Load() }

func (postgres) setPlanner(ctx context.Context, tx bun.Tx, settings string) error {
	_, err := tx.Tx.ExecContext(ctx, settings)
	return err
}

func (sqlite) setPlanner(context.Context, bun.Tx, string) error { return nil }

// queryPlanned is query for a statement whose plan depends on the planner settings. Where the
// statement is a transaction by itself, and the session lacks the settings, it sets them in the
// same round trip.
func (c conn) queryPlanned(ctx context.Context, text string, scan func(scanner) error, args ...any) error {
	if c.session != nil {
		if sent, err := c.queryBatch(ctx, text, scan, args); sent || err != nil {
			return err
		}
	}
	return c.query(ctx, text, scan, args...)
}

// queryBatch sends nothing where the driver's batches cannot prepare statements.
func (c conn) queryBatch(ctx context.Context, text string, scan func(scanner) error, args []any) (sent bool, err error) {
	err = c.session.Raw(func(raw any) error {
		std, ok := raw.(*stdlib.Conn)
		if sent = ok && std.Conn().Config().DefaultQueryExecMode == pgx.QueryExecModeCacheStatement; !sent {
			return nil
		}
		return c.sendBatch(ctx, std.Conn(), text, scan, args)
	})
	return sent, err
}

// sendBatch sends a statement behind the one that sets the planner settings. Statements
// between two Sync messages of the protocol are one transaction, and the settings end with it.
func (c conn) sendBatch(ctx context.Context, conn *pgx.Conn, text string, scan func(scanner) error, args []any) error {
	text, args = c.render(text, args)
	batch := &pgx.Batch{}
	batch.Queue(planLocally)
	batch.Queue(text, args[1:]...).Query(func(found pgx.Rows) error { // the first argument is pgx's mode
		for found.Next() {
			if err := scan(found); err != nil {
				return err
			}
		}
		return found.Err()
	})
	return conn.SendBatch(ctx, batch).Close()
}
