package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// insert stores the messages and their attempts in one statement, and wakes
// those who listen if some are to be claimed. It stores nothing, and reports true, if the
// subscriptions were remembered and are others by now.
func (p *publication) insert(ctx context.Context, c conn, channel string) (stale bool, err error) {
	text, args := insertAll, []any{}
	if p.cached {
		text, args = insertUnlessChanged, []any{p.queries.whole(), p.cachedRows().whole()}
	}
	args = append(args, p.messageRows().whole(), p.attemptRows().whole(), p.opts.Lease.Microseconds(), p.notifies(), channel)
	err = c.query(ctx, text, func(row *sql.Rows) error {
		var told *string
		return row.Scan(&stale, &told)
	}, args...)
	return stale, err
}

const (
	insertAll           = `WITH stale(yes) AS (SELECT false), ` + insertUnlessStale
	insertUnlessChanged = `WITH ` + staleIfChanged + `, ` + insertUnlessStale

	insertUnlessStale = `stored AS (` + insertMessages + unlessStale + `), ` +
		firstPosts + `, added AS (` + insertFirstPosts + unlessStale + `), queued AS (` + queueFirstPosts + unlessStale + `)
SELECT yes, CASE WHEN CAST(? AS boolean) AND NOT yes THEN CAST(pg_notify(?, '') AS text) END FROM stale`
	unlessStale = ` WHERE NOT (SELECT yes FROM stale)`
)

func (d postgres) insertPublication(ctx context.Context, c conn, p *publication) error {
	_, err := p.insert(ctx, c, d.s.schema)
	return err
}

// insertPublication takes a statement for each table: SQLite inserts into one table only.
func (sqlite) insertPublication(ctx context.Context, c conn, p *publication) error {
	if err := c.each(ctx, insertMessages, p.messageRows(), nil); err != nil {
		return err
	}
	return p.insertAttempts(ctx, c)
}

// insertAttempts stores the attempts of messages that are stored.
func (p *publication) insertAttempts(ctx context.Context, c conn) error {
	if err := c.each(ctx, `WITH `+firstPosts+insertFirstPosts, p.attemptRows(), nil); err != nil {
		return err
	}
	return c.each(ctx, `WITH `+firstPosts+queueFirstPosts, p.attemptRows(), nil, p.opts.Lease.Microseconds())
}

const insertMessages = `
INSERT INTO {}messages{partition} (id, organization_id, event_type_id, type, version, body, source, ordering_key, subscription_id, created_at, created_by)
?`

func (p *publication) messageRows() paramRows {
	m := func(i int) *store.NewMessage { return &p.messages[p.fresh[i]] }
	return paramRows{len(p.fresh), []column{
		uuids(func(i int) uuid.UUID { return m(i).ID }),
		uuids(func(i int) uuid.UUID { return m(i).OrganizationID }),
		uuids(func(i int) uuid.UUID { return m(i).EventTypeID }),
		texts(func(i int) string { return m(i).Type }),
		texts(func(i int) string { return m(i).Version }),
		blobs(func(i int) []byte { return m(i).Body }),
		blobs(func(i int) []byte { return m(i).Source }),
		texts(func(i int) string { return m(i).OrderingKey }),
		optionalUUIDs(func(i int) uuid.UUID { return m(i).SubscriptionID }),
		times(func(i int) time.Time { return m(i).CreatedAt }),
		texts(func(i int) string { return m(i).CreatedBy }),
	}}
}

// Both tables are filled from the same rows.
const firstPosts = `r(id, message, org, subscription, event_type, line, sending, expires, created, creator) AS (?)`

const insertFirstPosts = `
INSERT INTO {}attempts{partition} (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, line,
  number, step, type, status, expires_at, created_at, created_by, updated_at, updated_by)
SELECT r.id, r.id, r.message, r.org, r.subscription, r.event_type, r.line, 1, 0, 0, 0,
  r.expires, r.created, r.creator, r.created, r.creator
FROM r`

func (p *publication) attemptRows() paramRows {
	a := func(i int) *firstPost { return &p.attempts[i] }
	return paramRows{len(p.attempts), []column{
		uuids(func(i int) uuid.UUID { return a(i).id }),
		uuids(func(i int) uuid.UUID { return a(i).message.ID }),
		uuids(func(i int) uuid.UUID { return a(i).message.OrganizationID }),
		uuids(func(i int) uuid.UUID { return a(i).match.subscription }),
		uuids(func(i int) uuid.UUID { return a(i).message.EventTypeID }),
		optionalUUIDs(func(i int) uuid.UUID { return a(i).line() }),
		bigints(func(i int) int { return btoi(a(i).sending) }),
		times(func(i int) time.Time { return a(i).message.ExpiresAt }),
		times(func(i int) time.Time { return a(i).message.CreatedAt }),
		texts(func(i int) string { return a(i).message.CreatedBy }),
	}}
}

// An attempt is due at once. One that is handed off is due when the lease ends.
const queueFirstPosts = `
INSERT INTO {}queue (attempt_id, organization_id, subscription_id, line, position, token, sending, number, due_at)
SELECT r.id, r.org, r.subscription, r.line, CASE WHEN r.line IS NOT NULL THEN r.id END, r.sending, r.sending = 1, 1,
  {now} + CASE WHEN r.sending = 1 THEN CAST(? AS bigint) ELSE 0 END{us}
FROM r`
