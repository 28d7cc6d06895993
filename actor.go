package webhooks

import (
	"context"
)

type (
	actorKey     struct{}
	requestIDKey struct{}
)

// WithActor returns a context that carries the name of the person or program that makes a
// change. Changed records keep it in CreatedBy and UpdatedBy, and so does the audit trail. REST
// sets the name to the token's subject.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Actor returns the name that [WithActor] put into the context, or "".
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// WithRequestID returns a context that carries the id of the request that asks for a change. The
// audit trail keeps it. REST sets the id to the X-Request-Id of the answer.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id that [WithRequestID] put into the context, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
