// Package testlog checks the log records that tests cause.
package testlog

import (
	"context"
	"log/slog"
	"testing"
)

// Checked returns a handler that passes records on to another one, and fails the test if
// an attribute is a bare time.Duration: slog's JSON handler would print it as a number
// without a unit. Durations are logged as text, such as d.String().
func Checked(tb testing.TB, handler slog.Handler) slog.Handler {
	return &checked{handler, tb}
}

type checked struct {
	slog.Handler
	tb testing.TB
}

func (c *checked) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { c.check(a); return true })
	return c.Handler.Handle(ctx, r)
}

func (c *checked) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		c.check(a)
	}
	return &checked{c.Handler.WithAttrs(attrs), c.tb}
}

func (c *checked) WithGroup(name string) slog.Handler {
	return &checked{c.Handler.WithGroup(name), c.tb}
}

func (c *checked) check(a slog.Attr) {
	switch value := a.Value.Resolve(); value.Kind() {
	case slog.KindDuration:
		c.tb.Errorf("the log attribute %s is a time.Duration without a unit: log its String", a.Key)
	case slog.KindGroup:
		for _, inner := range value.Group() {
			c.check(inner)
		}
	default: // only a duration loses its unit
	}
}
