package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// insert stores the messages and their attempts in one statement, which also notifies the
// listeners if p.notifies. It stores nothing, and reports true, if the subscriptions came from
// the cache and have changed.
func (p *publication) insert(ctx context.Context, c conn, channel string) (stale bool, err error) {
	messages, inserts := p.messageRows()
	text, args := inserts.all, []any{}
	if p.cached {
		text, args = inserts.unlessChanged, []any{p.queries.whole(), p.cachedRows().whole()}
	}
	args = append(args, p.attempts.rows().whole(), p.opts.Lease.Microseconds(), messages.whole(), p.notifies(), channel)
	err = c.query(ctx, text, func(row scanner) error {
		var notified *string
		return row.Scan(&stale, &notified)
	}, args...)
	return stale, err
}

// messageRows are the messages to be stored, and the statements that take them.
func (p *publication) messageRows() (paramRows, *messageInserts) {
	return messageRows(len(p.fresh), func(i int) *store.Message { return &p.messages[p.fresh[i]].Message })
}

// messageInserts are the statements that insert messages.
type messageInserts struct {
	messages           string // messages alone
	all, unlessChanged string // messages with their attempts; unlessChanged: see staleIfChanged
}

// Messages without a trace context have statements of their own, so that the column costs nothing where nothing is
// traced.
var plainInserts, tracedInserts = newMessageInserts(""), newMessageInserts("trace_context, ")

func newMessageInserts(traceColumn string) *messageInserts {
	messages := `
INSERT INTO {}messages{partition} (id, organization_id, event_type_id, type, version, ordering_key, subscription_id,
  created_at, created_by, ` + traceColumn + `source, body)
?`
	// The messages come last: pgx makes room for parameters as they come, and would copy the bodies to
	// make room for the parameters behind them.
	insert := firstPostRows + `, added AS (` + insertFirstPosts + unlessStale + `), ` +
		`queued AS (` + queueFirstPosts + unlessStale + `), stored AS (` + messages + unlessStale + `)
SELECT yes, CASE WHEN CAST(? AS boolean) AND NOT yes THEN CAST(pg_notify(?, '') AS text) END FROM stale`
	return &messageInserts{
		messages: messages, all: `WITH stale(yes) AS (SELECT false), ` + insert,
		unlessChanged: `WITH ` + staleIfChanged + `, ` + insert,
	}
}

const unlessStale = ` WHERE NOT (SELECT yes FROM stale)`

func (d postgres) insertPublication(ctx context.Context, c conn, p *publication) error {
	_, err := p.insert(ctx, c, d.s.schema)
	return err
}

// insertPublication takes a statement for each table: SQLite inserts into one table only.
func (sqlite) insertPublication(ctx context.Context, c conn, p *publication) error {
	messages, inserts := p.messageRows()
	if err := c.each(ctx, inserts.messages, messages, nil); err != nil {
		return err
	}
	return p.attempts.insert(ctx, c, p.opts.Lease)
}

func messageRows(n int, m func(i int) *store.Message) (paramRows, *messageInserts) {
	columns, inserts := append(make([]column, 0, 12),
		uuids(func(i int) uuid.UUID { return m(i).ID }),
		uuids(func(i int) uuid.UUID { return m(i).OrganizationID }),
		uuids(func(i int) uuid.UUID { return m(i).EventTypeID }),
		texts(func(i int) string { return m(i).Type }),
		texts(func(i int) string { return m(i).Version }),
		texts(func(i int) string { return m(i).OrderingKey }),
		optionalUUIDs(func(i int) uuid.UUID { return m(i).SubscriptionID }),
		times(func(i int) time.Time { return m(i).CreatedAt }),
		texts(func(i int) string { return m(i).CreatedBy }),
	), plainInserts
	for i := range n {
		if m(i).TraceContext != "" {
			columns, inserts = append(columns, optionalTexts(func(i int) string { return m(i).TraceContext })), tracedInserts
			break
		}
	}
	return paramRows{n, append(columns,
		blobs(func(i int) []byte { return m(i).Source }),
		blobs(func(i int) []byte { return m(i).Body }),
	)}, inserts
}
