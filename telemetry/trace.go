package telemetry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecg-api/webhooks"
)

const (
	// SpanPublish is the name of the span of a publish, of kind producer.
	SpanPublish = "webhooks.publish"
	// SpanAttempt is the name of the span of an attempt, of kind client. It is a child of the span of its
	// publish, also if it is a retry, on another host, or days later.
	SpanAttempt = "webhooks.attempt"
)

// The attributes of both spans, by the semantic conventions of OpenTelemetry for messaging and for HTTP
// clients where these have a name. No attribute holds a payload, a secret, a header, or the path or query
// of a URL.
const (
	system        = attribute.Key("messaging.system")
	operation     = attribute.Key("messaging.operation.name")
	operationType = attribute.Key("messaging.operation.type")
	messageID     = attribute.Key("messaging.message.id")
	batchCount    = attribute.Key("messaging.batch.message_count")
	method        = attribute.Key("http.request.method")
	resendCount   = attribute.Key("http.request.resend_count")
	statusCode    = attribute.Key("http.response.status_code")
	serverAddress = attribute.Key("server.address")
	serverPort    = attribute.Key("server.port")
	errorType     = attribute.Key("error.type")

	organizationID = attribute.Key("webhooks.organization.id")
	subscriptionID = attribute.Key("webhooks.subscription.id")
	deliveryID     = attribute.Key("webhooks.delivery.id")
	attemptID      = attribute.Key("webhooks.attempt.id")
	attemptNumber  = attribute.Key("webhooks.attempt.number")
	attemptStatus  = attribute.Key("webhooks.attempt.status")
	eventType      = attribute.Key("webhooks.event.type")
	deliveries     = attribute.Key("webhooks.deliveries")
)

// The options of the spans, made once because each of them costs allocations.
var (
	ofPublish = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer)}
	ofAttempt = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)}
)

// tracer is a webhooks.Tracer.
type tracer struct {
	trace.Tracer
	w3c propagation.TraceContext
}

// NewTracer returns a Tracer for [webhooks.Config] that makes spans with the provider. Receivers get the
// headers traceparent and tracestate of W3C Trace Context. Baggage is neither stored nor sent.
func NewTracer(provider trace.TracerProvider) webhooks.Tracer {
	return tracer{Tracer: provider.Tracer("github.com/ecg-api/webhooks", trace.WithInstrumentationVersion(webhooks.Version))}
}

// StartPublish implements [webhooks.Tracer].
func (t tracer) StartPublish(ctx context.Context, p webhooks.PublishStart) (context.Context, func(webhooks.PublishEnd)) {
	ctx, span := t.Start(ctx, SpanPublish, ofPublish...)
	if !span.IsRecording() {
		return ctx, func(webhooks.PublishEnd) { span.End() }
	}
	span.SetAttributes(system.String("ecg_webhooks"), operation.String("publish"), operationType.String("send"),
		organizationID.String(p.OrganizationID.String()))
	if p.Events != 1 {
		span.SetAttributes(batchCount.Int(p.Events))
	}
	return ctx, func(end webhooks.PublishEnd) {
		defer span.End()
		switch {
		case end.Err != nil:
			span.SetAttributes(errorType.String(classOf(end.Err)))
			span.SetStatus(codes.Error, "") // the text of the error may quote the event
			return
		case p.Events == 1:
			span.SetAttributes(messageID.String(end.MessageID.String()), eventType.String(end.EventType))
		}
		span.SetAttributes(deliveries.Int(end.Deliveries))
	}
}

// classOf returns the error.type of a publish.
func classOf(err error) string {
	_, invalid := errors.AsType[*webhooks.ValidationError](err)
	switch {
	case invalid:
		return "invalid"
	case errors.Is(err, webhooks.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "_OTHER"
}

// TraceContext implements [webhooks.Tracer]: it returns traceparent, and behind a blank tracestate.
func (t tracer) TraceContext(ctx context.Context) string {
	var c carrier
	t.w3c.Inject(ctx, &c)
	if c.state == "" || len(c.parent)+1+len(c.state) > webhooks.MaxTraceContext {
		return c.parent
	}
	return c.parent + " " + c.state
}

// carrier is a [propagation.TextMapCarrier] of the two headers of W3C Trace Context. It costs less than a map, and attempts that are
// not sampled make one too.
type carrier struct{ parent, state string }

// field returns the place of a header; nil of all other headers.
func (c *carrier) field(name string) *string {
	switch name {
	case "traceparent":
		return &c.parent
	case "tracestate":
		return &c.state
	}
	return nil
}

// Get implements [propagation.TextMapCarrier].
func (c *carrier) Get(name string) string {
	if value := c.field(name); value != nil {
		return *value
	}
	return ""
}

// Set implements [propagation.TextMapCarrier].
func (c *carrier) Set(name, value string) {
	if at := c.field(name); at != nil {
		*at = value
	}
}

// Keys implements [propagation.TextMapCarrier].
func (c *carrier) Keys() []string { return []string{"traceparent", "tracestate"} }

// StartAttempt implements [webhooks.Tracer].
func (t tracer) StartAttempt(
	ctx context.Context, a webhooks.AttemptStart, h http.Header,
) (context.Context, func(webhooks.AttemptEnd)) {
	if parent, state, _ := strings.Cut(a.TraceContext, " "); parent != "" {
		ctx = t.w3c.Extract(ctx, &carrier{parent, state})
	}
	ctx, span := t.Start(ctx, SpanAttempt, ofAttempt...)
	t.w3c.Inject(ctx, propagation.HeaderCarrier(h))
	if !span.IsRecording() {
		return ctx, func(webhooks.AttemptEnd) { span.End() }
	}
	span.SetAttributes(attributesOf(a)...)
	return ctx, func(end webhooks.AttemptEnd) {
		defer span.End()
		span.SetAttributes(attemptStatus.String(end.Status.String()))
		if end.HTTPStatus != 0 {
			span.SetAttributes(statusCode.Int(end.HTTPStatus))
		}
		if end.Status == webhooks.Failed {
			fail(span, end)
		}
	}
}

// attributesOf returns the attributes of an attempt at its begin.
func attributesOf(a webhooks.AttemptStart) []attribute.KeyValue {
	all := []attribute.KeyValue{
		system.String("ecg_webhooks"), operation.String("attempt"), operationType.String("send"),
		messageID.String(a.MessageID.String()), organizationID.String(a.OrganizationID.String()),
		subscriptionID.String(a.SubscriptionID.String()), deliveryID.String(a.DeliveryID.String()),
		attemptID.String(a.AttemptID.String()), attemptNumber.Int(a.Number), method.String(http.MethodPost),
	}
	if a.Number > 1 {
		all = append(all, resendCount.Int(a.Number-1))
	}
	if host, port, err := net.SplitHostPort(a.Address); err == nil {
		number, _ := strconv.Atoi(port)
		all = append(all, serverAddress.String(host), serverPort.Int(number))
	}
	return all
}

// fail marks the span of an attempt that failed. An HTTP status says all, so it has no description.
func fail(span trace.Span, end webhooks.AttemptEnd) {
	if end.HTTPStatus != 0 {
		span.SetAttributes(errorType.String(strconv.Itoa(end.HTTPStatus)))
		span.SetStatus(codes.Error, "")
		return
	}
	span.SetAttributes(errorType.String(end.Class))
	span.SetStatus(codes.Error, end.Reason)
}
