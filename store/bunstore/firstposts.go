package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// firstPost is the first attempt of a delivery.
type firstPost struct {
	id      uuid.UUID
	message *store.NewMessage
	match   match
	token   int64 // of the host to which it is handed off; 0 if it is not
}

// sequence returns the sequence in which the attempt waits for its turn, zero for none. Its column is line.
func (a *firstPost) sequence() uuid.UUID {
	if !a.match.ordered {
		return uuid.Nil
	}
	return sequenceOf(a.match.subscription, a.message.OrderingKey)
}

// sequenceOf names the sequence of a subscription's attempts that share an ordering key.
func sequenceOf(subscription uuid.UUID, orderingKey string) uuid.UUID {
	return uuid.NewSHA1(subscription, []byte(orderingKey))
}

// job is the attempt as it is handed off.
func (a *firstPost) job() store.Job {
	return store.Job{
		Lease:      store.Lease{AttemptID: a.id, Token: a.token, Number: 1},
		DeliveryID: a.id, MessageID: a.message.ID, OrganizationID: a.message.OrganizationID,
		SubscriptionID: a.match.subscription, SubscriptionRevision: a.match.revision,
		Type: store.FirstPost, CreatedAt: a.message.CreatedAt, ExpiresAt: a.message.ExpiresAt,
		Body: a.message.Body, TraceContext: a.message.TraceContext,
	}
}

// firstPosts are rows of attempts and of the queue: both tables are filled from the same
// parameters.
type firstPosts []firstPost

// insert inserts the attempts, whose messages are stored, in a statement for each table.
func (posts firstPosts) insert(ctx context.Context, c conn, lease time.Duration) error {
	if err := c.each(ctx, `WITH `+firstPostRows+insertFirstPosts, posts.rows(), nil); err != nil {
		return err
	}
	return c.each(ctx, `WITH `+firstPostRows+queueFirstPosts, posts.rows(), nil, lease.Microseconds())
}

func (posts firstPosts) rows() paramRows {
	a := func(i int) *firstPost { return &posts[i] }
	return paramRows{len(posts), []column{
		uuids(func(i int) uuid.UUID { return a(i).id }),
		uuids(func(i int) uuid.UUID { return a(i).message.ID }),
		uuids(func(i int) uuid.UUID { return a(i).message.OrganizationID }),
		uuids(func(i int) uuid.UUID { return a(i).match.subscription }),
		uuids(func(i int) uuid.UUID { return a(i).message.EventTypeID }),
		optionalUUIDs(func(i int) uuid.UUID { return a(i).sequence() }),
		bigints(func(i int) int64 { return a(i).token }),
		times(func(i int) time.Time { return a(i).message.ExpiresAt }),
		times(func(i int) time.Time { return a(i).message.CreatedAt }),
		texts(func(i int) string { return a(i).message.CreatedBy }),
	}}
}

const firstPostRows = `r(id, message, org, subscription, event_type, line, token, expires, created, creator) AS (?)`

var insertFirstPosts = insertAttempts(attemptValues{
	id: "r.id", delivery: "r.id", message: "r.message", organization: "r.org", subscription: "r.subscription",
	eventType: "r.event_type", line: "r.line", number: "1", step: "0", kind: "{FirstPost}",
	expires: "r.expires", created: "r.created", creator: "r.creator",
}, "r")

// An attempt is due at once. A handed-off attempt is due at the end of the lease.
var queueFirstPosts = insertQueue(queueValues{
	attempt: "r.id", delivery: "r.id", organization: "r.org", subscription: "r.subscription", line: "r.line", number: "1",
	token: "r.token", sending: "r.token > 0", wait: "CASE WHEN r.token > 0 THEN CAST(? AS bigint) ELSE 0 END",
}, "r")
