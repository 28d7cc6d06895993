package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store/bunstore/internal/session"
)

// checkSession refuses a session whose settings change the meaning of statements or of
// their results. It sees one connection of the pool. That finds the settings of the server,
// the database and the role, which all connections have; a connection on which the host
// itself ran SET escapes it, and only literals are safe there.
func (d postgres) checkSession(ctx context.Context, db bun.IDB) error {
	settings := slices.Concat(session.Required, session.Planner)
	values := make([]string, len(settings))
	columns, into := make([]string, len(settings)), make([]any, len(settings))
	for i, setting := range settings {
		columns[i], into[i] = "current_setting('"+setting.Name+"')", &values[i]
	}
	if err := db.QueryRowContext(ctx, "SELECT "+strings.Join(columns, ", ")).Scan(into...); err != nil {
		return err
	}
	var wrong []string
	planned := true
	for i, setting := range settings {
		switch {
		case setting.Accepts(values[i]):
		case i < len(session.Required):
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", setting.Name, values[i], setting.Value))
		default:
			planned = false
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the settings of the database session do not suit the store: %s: set them where the pool connects, or with ALTER ROLE … SET",
			strings.Join(wrong, "; "))
	}
	d.s.unplanned.Store(!planned)
	return nil
}

func (sqlite) checkSession(context.Context, bun.IDB) error { return nil }

func (postgres) setPlanner(ctx context.Context, tx bun.Tx, settings string) error {
	_, err := tx.Tx.ExecContext(ctx, settings)
	return err
}

func (sqlite) setPlanner(context.Context, bun.Tx, string) error { return nil }

// plansLocally reports whether transactions set the planner settings: statements are
// prepared, and the sessions do not begin with these settings. A statement that is not
// prepared is planned for the tables as they are, and needs none.
func (s *Store) plansLocally() bool { return s.native && s.unplanned.Load() }

var planLocally = session.PlanLocally()

// allowBitmapScans is for statements that use the index of messages.created_at: a BRIN index
// serves bitmap scans only.
const allowBitmapScans = `SET LOCAL enable_bitmapscan = on`

// scanner is a row of a result.
type scanner interface{ Scan(into ...any) error }

// queryPlanned is query for a statement whose plan depends on the planner settings. Where
// the statement is a transaction by itself, and the session does not have the settings, it
// sets them in the same round trip.
func (c conn) queryPlanned(ctx context.Context, text string, scan func(scanner) error, args ...any) error {
	if c.session != nil {
		if sent, err := c.queryBatch(ctx, text, scan, args); sent || err != nil {
			return err
		}
	}
	return c.query(ctx, text, func(row *sql.Rows) error { return scan(row) }, args...)
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
	batch.Queue(text, args[1:]...).Query(func(found pgx.Rows) error { // the first one is pgx's mode
		for found.Next() {
			if err := scan(found); err != nil {
				return err
			}
		}
		return found.Err()
	})
	return conn.SendBatch(ctx, batch).Close()
}
