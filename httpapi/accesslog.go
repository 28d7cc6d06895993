package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// slowRequest is the duration beyond which AccessLog logs any request at info.
const slowRequest = time.Second

// AccessLog returns a function for Config.OnRequest that logs one line for each request: at info if the
// status is 400 or more, if there is no answer, or if the request took more than a second; else at debug.
// The line has the attributes method, route, status, duration, requestId, and, where they are known, code
// (of the problem), subject, organizationId and clientAddress. It has no path, query, header or body.
func AccessLog(logger *slog.Logger) func(context.Context, RequestInfo) {
	return func(ctx context.Context, info RequestInfo) {
		level := slog.LevelDebug
		if info.Status == 0 || info.Status >= http.StatusBadRequest || info.Duration > slowRequest {
			level = slog.LevelInfo
		}
		if logger.Enabled(ctx, level) {
			logger.LogAttrs(ctx, level, "webhooks: request", info.attrs()...)
		}
	}
}

// maxMethod bounds the bytes of a method in the log. Clients choose methods freely.
const maxMethod = 16

func (info RequestInfo) attrs() []slog.Attr {
	method := info.Method
	if len(method) > maxMethod {
		method = method[:maxMethod] + "…"
	}
	out := append(make([]slog.Attr, 0, 9),
		slog.String("method", method), slog.String("route", info.Route), slog.Int("status", info.Status),
		slog.String("duration", info.Duration.String()), slog.String("requestId", info.ID))
	if info.Err != nil {
		out = append(out, slog.String("code", problemFor(info.Err).Code))
	}
	if info.Subject != "" {
		out = append(out, slog.String("subject", info.Subject))
	}
	if info.OrganizationID != uuid.Nil {
		out = append(out, slog.Any("organizationId", info.OrganizationID))
	}
	if info.ClientAddr.IsValid() {
		out = append(out, slog.Any("clientAddress", info.ClientAddr))
	}
	return out
}
