package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"
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

// now is the time as records carry it: UTC, in whole milliseconds.
func (c *core) now() time.Time { return c.cfg.Now().UTC().Truncate(time.Millisecond) }

// milliseconds widens a time span to whole milliseconds. What happened within the span may have
// a time in a record that is a fraction of a millisecond before it.
func milliseconds(from, to time.Time) (first, end time.Time) {
	return from.UTC().Truncate(time.Millisecond), to.UTC().Add(time.Millisecond - 1).Truncate(time.Millisecond)
}

// created returns a new id and the audit of a record that is created now.
func (c *core) created(ctx context.Context) (uuid.UUID, Audit) {
	now, by := c.now(), Actor(ctx)
	return c.cfg.NewID(), Audit{CreatedAt: now, CreatedBy: by, UpdatedAt: now, UpdatedBy: by}
}

// touch marks a record as changed now.
func (c *core) touch(ctx context.Context, a *Audit) {
	a.UpdatedAt, a.UpdatedBy = c.now(), Actor(ctx)
}
