package bunstore

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// match is a subscription that gets a message.
type match struct {
	subscription uuid.UUID
	revision     int64
	ordered      bool
	filter       store.Filter
}

// matchQuery asks which subscriptions of an organization select one of the topics.
type matchQuery struct {
	org    uuid.UUID
	topics string // with zero bytes between them
}

// matchQueries are the distinct queries for some messages.
type matchQueries struct {
	list   []matchQuery
	number []int // of the query of each message; -1 if it has no topics

	paramRows // the number of a query, its organization, and one of its topics
}

func newMatchQueries(messages []store.NewMessage) *matchQueries {
	q := &matchQueries{number: make([]int, len(messages))}
	known := map[matchQuery]int{}
	var number []int
	var topics []string
	for i := range messages {
		m := &messages[i]
		switch {
		case len(m.Topics) == 0:
			q.number[i] = -1
			continue
		case i > 0 && m.OrganizationID == messages[i-1].OrganizationID && slices.Equal(m.Topics, messages[i-1].Topics):
			q.number[i] = q.number[i-1]
			continue
		}
		one := matchQuery{m.OrganizationID, strings.Join(m.Topics, "\x00")}
		n, ok := known[one]
		if !ok {
			n = len(known)
			known[one] = n
			q.list = append(q.list, one)
			for _, topic := range m.Topics {
				number, topics = append(number, n), append(topics, topic)
			}
		}
		q.number[i] = n
	}
	q.paramRows = paramRows{len(topics), []column{
		bigints(func(i int) int { return number[i] }),
		uuids(func(i int) uuid.UUID { return q.list[number[i]].org }),
		texts(func(i int) string { return topics[i] }),
	}}
	return q
}

// match finds the subscriptions of each message, in the cache unless bypassCache is set.
func (p *publication) match(ctx context.Context, c conn, cache *matchCache, bypassCache bool) (err error) {
	p.queries = newMatchQueries(p.messages)
	if p.cached = false; cache != nil && !bypassCache {
		p.found, p.cached = cache.get(p.queries.list)
	}
	if !p.cached {
		if p.found, err = p.queries.run(ctx, c); err != nil {
			return err
		}
		if cache != nil {
			cache.put(p.queries.list, p.found)
		}
	}
	p.matches = make([][]match, len(p.messages))
	for i, n := range p.queries.number {
		if n >= 0 {
			p.matches[i] = p.found[n]
		}
	}
	return nil
}

// identityNumber is the number, instead of that of a query, of the row of orIdentity.
const identityNumber = -1

// run returns the matches of each query from the database.
func (q *matchQueries) run(ctx context.Context, c conn) ([][]match, error) {
	found := make([][]match, len(q.list))
	text := c.matchSubscriptions
	if c.checkIdentity != nil {
		text += orIdentity
	}
	err := c.each(ctx, text+` ORDER BY 1, 2`, q.paramRows, func(row scanner) error {
		var n int
		var m match
		var filter *string
		if err := row.Scan(&n, (*id)(&m.subscription), &m.revision, &m.ordered, &filter); err != nil {
			return err
		}
		if n == identityNumber {
			return c.checkIdentity(m.subscription)
		}
		if decode(filter, &m.filter) != nil {
			m.filter = nil // damaged: the subscription gets the delivery, which fails visibly
		}
		found[n] = append(found[n], m)
		return nil
	})
	if q.n > c.maxRows { // two statements may have asked for topics of one query
		for n := range found {
			slices.SortFunc(found[n], func(a, b match) int { return bytes.Compare(a.subscription[:], b.subscription[:]) })
			found[n] = slices.CompactFunc(found[n], func(a, b match) bool { return a.subscription == b.subscription })
		}
	}
	return found, err
}

const (
	matchByJoin = `
WITH r(n, org, topic) AS (?)
SELECT DISTINCT r.n, s.id, s.revision, s.ordered, s.filter FROM r
JOIN {}subscription_topics AS t ON t.topic = r.topic AND t.organization_id = r.org
JOIN {}subscriptions AS s ON s.id = t.subscription_id
WHERE ` + live

	matchByLookup = `
WITH r(n, org, topic) AS (?)
SELECT DISTINCT r.n, s.id, s.revision, s.ordered, s.filter FROM r ` + lookedUp

	// orIdentity adds a row with the identity of the database, in place of a subscription.
	orIdentity = `
UNION ALL SELECT -1, i.id, 0, false, NULL FROM {}identity AS i`

	// lookedUp looks each topic and each subscription up in an index.
	lookedUp = `
CROSS JOIN LATERAL (SELECT * FROM {}subscription_topics AS t WHERE t.topic = r.topic AND t.organization_id = r.org` + fenced + `) AS t
CROSS JOIN LATERAL (SELECT * FROM {}subscriptions AS s WHERE s.id = t.subscription_id` + fenced + `) AS s
WHERE ` + live

	live = `s.active AND NOT s.archived AND s.deleted_at IS NULL`

	// stale is true if the subscriptions differ from the cached ones, known. Any change of a
	// subscription changes its revision.
	staleIfChanged = `stale(yes) AS (
  WITH r(n, org, topic) AS (?), known(n, id, revision) AS (?),
    found(n, id, revision) AS (SELECT r.n, s.id, s.revision FROM r ` + lookedUp + `)
  SELECT EXISTS (SELECT 1 FROM known FULL JOIN found USING (n, id, revision) WHERE known.n IS NULL OR found.n IS NULL)
)`
)

// cachedRows are the matches from the cache: query, subscription and revision.
func (p *publication) cachedRows() paramRows {
	type row struct {
		n int
		match
	}
	var all []row
	for n, found := range p.found {
		for _, m := range found {
			all = append(all, row{n, m})
		}
	}
	return paramRows{len(all), []column{
		bigints(func(i int) int { return all[i].n }),
		uuids(func(i int) uuid.UUID { return all[i].subscription }),
		bigints(func(i int) int64 { return all[i].revision }),
	}}
}

// filter leaves out the subscriptions whose filter does not match the data of a message.
func (p *publication) filter() {
	for i, matches := range p.matches {
		if !slices.ContainsFunc(matches, func(m match) bool { return len(m.filter) > 0 }) {
			continue
		}
		data := store.NewDocument(p.messages[i].Data())
		p.matches[i] = nil // the list may belong to other messages, too
		for _, m := range matches {
			if m.filter.Matches(data) {
				p.matches[i] = append(p.matches[i], m)
			}
		}
	}
}
