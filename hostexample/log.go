package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/otel/trace"
)

// logger returns a logger of the chosen level and format.
func (c *cli) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.Level(c.LogLevel), ReplaceAttr: withUnit}
	if c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(w) {
		return slog.New(withTrace{slog.NewTextHandler(w, options)})
	}
	return slog.New(withTrace{slog.NewJSONHandler(w, options)})
}

// withUnit writes a duration as text, such as 1.5s, in JSON too.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// withTrace adds the trace of the context to each line, so that a line leads to the trace.
type withTrace struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h withTrace) Handle(ctx context.Context, line slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		line.AddAttrs(slog.String("traceId", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (h withTrace) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withTrace{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h withTrace) WithGroup(name string) slog.Handler { return withTrace{h.Handler.WithGroup(name)} }

// logConfiguration logs the settings that have a value, by the names of their flags. Secrets have no flags,
// and of a URL the line has the host alone.
func (p *process) logConfiguration() {
	of := p.settings
	parser, err := kong.New(&of)
	if err != nil {
		p.log.Error("the configuration cannot be logged", "error", err)
		return
	}
	var values []any
	for _, flag := range parser.Model.Flags {
		if hasVariable(flag.Name) && !flag.Target.IsZero() {
			values = append(values, flag.Name, shown(flag.Target))
		}
	}
	p.log.Info("configuration", values...)
}

// shown returns the value of a flag for the log.
func shown(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch of := v.Interface().(type) {
	case retention:
		if of == forever {
			return "forever"
		}
	case waits:
		return fmt.Sprint([]time.Duration(of))
	}
	if v.Kind() == reflect.Int64 { // a kind of duration
		return time.Duration(v.Int())
	}
	if v.CanUint() {
		return v.Uint()
	}
	text := fmt.Sprint(v.Interface())
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "[redacted]"
	}
	return u.Scheme + "://" + u.Host + "/…"
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
