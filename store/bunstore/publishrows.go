package bunstore

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// match finds the subscriptions of each message. Messages of one organization
// with the same topics are looked up once.
func (p *publication) match(ctx context.Context, c conn) error {
	type question struct {
		org    uuid.UUID
		topics string
	}
	asked := map[question]int{}
	place := make([]int, len(p.messages)) // of a message's question
	var number []int                      // of the question, for each topic
	var orgs []uuid.UUID
	var topics []string
	for i := range p.messages {
		m := &p.messages[i]
		if len(m.Topics) == 0 {
			place[i] = -1
			continue
		}
		q := question{m.OrganizationID, strings.Join(m.Topics, "\x00")}
		n, ok := asked[q]
		if !ok {
			n = len(asked)
			asked[q] = n
			for _, topic := range m.Topics {
				number, orgs, topics = append(number, n), append(orgs, m.OrganizationID), append(topics, topic)
			}
		}
		place[i] = n
	}
	found := make([][]match, len(asked))
	err := c.each(ctx, matchSubscriptions, rows{len(topics), []column{
		bigints(func(i int) int { return number[i] }),
		uuids(func(i int) uuid.UUID { return orgs[i] }),
		texts(func(i int) string { return topics[i] }),
	}}, func(row *sql.Rows) error {
		var n int
		var m match
		var filter *string
		if err := row.Scan(&n, (*id)(&m.subscription), &m.revision, &m.ordered, &filter); err != nil {
			return err
		}
		err := decode(filter, &m.filter)
		found[n] = append(found[n], m)
		return err
	})
	if !c.pg { // the topics of a question may have been asked for in two parts
		for n := range found {
			slices.SortFunc(found[n], func(a, b match) int { return bytes.Compare(a.subscription[:], b.subscription[:]) })
			found[n] = slices.CompactFunc(found[n], func(a, b match) bool { return a.subscription == b.subscription })
		}
	}
	p.matches = make([][]match, len(p.messages))
	for i, n := range place {
		if n >= 0 {
			p.matches[i] = found[n]
		}
	}
	return err
}

// filter leaves out the subscriptions that do not want the data of a message.
func (p *publication) filter() {
	for i, matches := range p.matches {
		if !slices.ContainsFunc(matches, func(m match) bool { return len(m.filter) > 0 }) {
			continue
		}
		data := store.NewDocument(p.messages[i].Data())
		p.matches[i] = nil // the list may be that of other messages, too
		for _, m := range matches {
			if m.filter.Matches(data) {
				p.matches[i] = append(p.matches[i], m)
			}
		}
	}
}

const matchSubscriptions = `
WITH r(n, org, topic) AS (?)
SELECT DISTINCT r.n, s.id, s.revision, s.ordered, s.filter
FROM r
JOIN {}subscription_topics AS t ON t.topic = r.topic AND t.organization_id = r.org
JOIN {}subscriptions AS s ON s.id = t.subscription_id
WHERE s.active AND NOT s.archived AND s.deleted_at IS NULL
ORDER BY 1, 2`

// insert stores the messages and their attempts in one statement, and wakes
// those who listen if some are to be claimed.
func (p *publication) insert(ctx context.Context, c conn, channel string) error {
	messages := slice{p.messageRows(), 0, len(p.fresh)}
	if len(p.attempts) == 0 {
		return c.query(ctx, insertMessages, nil, messages)
	}
	return c.query(ctx, `WITH stored AS (`+insertMessages+`), `+firstPosts+`, added AS (`+insertFirstPosts+`), queued AS (`+queueFirstPosts+`)
		SELECT pg_notify(?, '') WHERE CAST(? AS boolean)`,
		nil, messages, slice{p.attemptRows(), 0, len(p.attempts)}, p.opts.Lease.Microseconds(), channel, p.left && p.notifies())
}

// insertSeparately is insert for SQLite.
func (p *publication) insertSeparately(ctx context.Context, c conn) error {
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
INSERT INTO {}messages{part} (id, organization_id, event_type_id, type, version, body, source, ordering_key, subscription_id, created_at, created_by)
?`

func (p *publication) messageRows() rows {
	m := func(i int) *store.NewMessage { return &p.messages[p.fresh[i]] }
	return rows{len(p.fresh), []column{
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
INSERT INTO {}attempts{part} (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, line,
  number, step, type, status, expires_at, created_at, created_by, updated_at, updated_by)
SELECT r.id, r.id, r.message, r.org, r.subscription, r.event_type, r.line, 1, 0, 0, 0,
  r.expires, r.created, r.creator, r.created, r.creator
FROM r`

func (p *publication) attemptRows() rows {
	a := func(i int) *firstPost { return &p.attempts[i] }
	return rows{len(p.attempts), []column{
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

// An attempt is due when its message was created. One that is handed off is due
// when the lease ends.
const queueFirstPosts = `
INSERT INTO {}queue (attempt_id, organization_id, subscription_id, line, position, token, sending, number, due_at)
SELECT r.id, r.org, r.subscription, r.line, CASE WHEN r.line IS NOT NULL THEN r.id END, r.sending, r.sending = 1, 1,
  CASE WHEN r.sending = 1 THEN {now} + CAST(? AS bigint){us} ELSE r.created END
FROM r`
