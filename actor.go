package webhooks

import (
	"context"
)

type actorKey struct{}

// WithActor returns a context that carries the name of the person or program that makes a
// change. Changed records keep it in CreatedBy and UpdatedBy. REST sets the name
// to the token's subject.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Actor returns the name that [WithActor] put into the context, or "".
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}
