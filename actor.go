package webhooks

import (
	"context"
)

type actorKey struct{}

// WithActor returns a context that carries who makes a change. It ends up in the
// CreatedBy and UpdatedBy of what the change touches. The REST interface sets it
// to the token's subject.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Actor returns the name that [WithActor] put into the context, or "".
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}
