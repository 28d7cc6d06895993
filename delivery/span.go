package delivery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// StartPublish begins the span of a publish, if there is a Tracer. The returned function ends it.
func (e *Engine) StartPublish(ctx context.Context, p PublishStart) (spanned context.Context, end func(PublishEnd)) {
	if e.cfg.Tracer == nil {
		return ctx, func(PublishEnd) {}
	}
	defer e.catchTracer(func() { spanned, end = ctx, func(PublishEnd) {} })
	spanned, finish := e.cfg.Tracer.StartPublish(ctx, p)
	return spanned, func(result PublishEnd) {
		defer e.catchTracer(func() {})
		finish(result)
	}
}

// TraceContext returns the trace context to be stored with the messages of a publish; "" for none.
func (e *Engine) TraceContext(ctx context.Context) (text string) {
	if e.cfg.Tracer == nil {
		return ""
	}
	defer e.catchTracer(func() { text = "" })
	text = e.cfg.Tracer.TraceContext(ctx)
	if len(text) > MaxTraceContext || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return text
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// startSpan begins the span of an attempt.
func (r *run) startSpan(t *task) (s attemptSpan) {
	if r.cfg.Tracer == nil {
		return attemptSpan{ctx: r.sending}
	}
	defer r.catchTracer(func() { s = attemptSpan{ctx: r.sending} })
	a := AttemptStart{
		TraceContext: t.TraceContext, OrganizationID: t.OrganizationID, SubscriptionID: t.SubscriptionID,
		MessageID: t.MessageID, DeliveryID: t.DeliveryID, AttemptID: t.AttemptID, Number: t.Number, Type: t.Type,
	}
	if u := t.to.url; u != nil {
		a.Address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), defaultPorts[u.Scheme]))
	}
	s.header = make(http.Header, 2)
	s.ctx, s.finish = r.cfg.Tracer.StartAttempt(r.sending, a, s.header)
	return s
}

// endSpan ends the span of an attempt.
func (r *run) endSpan(t *task, end AttemptEnd) {
	if t.call.span.finish != nil {
		defer r.catchTracer(func() {})
		t.call.span.finish(end)
	}
}

// catchTracer, deferred, logs a panic of the Tracer and calls undo after it.
func (e *Engine) catchTracer(undo func()) {
	if p := recover(); p != nil {
		e.logCondition(slog.LevelError, tracerPanicked, nil, "panic", fmt.Sprint(p))
		undo()
	}
}
