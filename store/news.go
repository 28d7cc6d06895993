package store

import (
	"context"

	"github.com/google/uuid"
)

// News makes the messages that tell of a change. They are published in the transaction of the change, so that they exist
// if, and only if, the change was made.
type News struct {
	NewID    func() uuid.UUID            // ids for the attempts; required
	Messages func(c Change) []NewMessage // the messages, without idempotency keys; required
}

// Change is the part of a change that its caller does not know before the end of the transaction.
type Change struct {
	Recorded []Outcome // by Record: the outcomes whose lease was held
	Ended    *Recovery // by AdvanceRecovery and StopRecovery: the job that ended; nil if none did
}

type newsKey struct{}

// WithNews returns a context with the news of a change. Record, UpdateHealth, UpdateSubscription, AdvanceRecovery and
// StopRecovery call n.Messages at the end of their transaction, and publish the messages in that transaction as Publish
// does. A message that matches no subscription is not stored. Messages is not called if the method fails or changes
// nothing, and called again if the transaction is repeated. It must not call the store.
func WithNews(ctx context.Context, n News) context.Context {
	return context.WithValue(ctx, newsKey{}, &n)
}

// NewsOf returns the news of the change that is made with the context; nil for none. It is for stores, see [WithNews].
func NewsOf(ctx context.Context) *News {
	n, _ := ctx.Value(newsKey{}).(*News)
	return n
}
