package delivery

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// MaxTraceContext bounds the text of [Tracer].TraceContext, in bytes. Longer text is not stored.
const MaxTraceContext = 1 << 10

// Tracer makes the spans of a distributed trace: one for each publish, and below it one for each
// attempt. Package telemetry has a Tracer for OpenTelemetry. The methods, and the functions that
// they return, are called in line and from several goroutines at once, so they do not wait for a
// collector of spans. A panic in one of them is logged and has no further effect.
type Tracer interface {
	// StartPublish begins the span of a publish, below the span of ctx if there is one. The
	// returned context has the span, and the returned function ends it.
	StartPublish(ctx context.Context, p PublishStart) (context.Context, func(PublishEnd))
	// TraceContext returns the text by which StartAttempt continues the trace of ctx, perhaps in
	// another process and days later: printable ASCII of at most [MaxTraceContext] bytes, or "" for
	// none. It is stored with each message.
	TraceContext(ctx context.Context) string
	// StartAttempt begins the span of an attempt, below the span of a.TraceContext, and adds the
	// headers to h by which the receiver continues the trace. The returned context, which the Sender
	// gets, is ctx with the span, and the returned function ends the span.
	StartAttempt(ctx context.Context, a AttemptStart, h http.Header) (context.Context, func(AttemptEnd))
}

// PublishStart describes a publish at its begin.
type PublishStart struct {
	OrganizationID uuid.UUID // as the caller gave it
	Events         int       // in the call
}

// PublishEnd is the result of a publish.
type PublishEnd struct {
	MessageID  uuid.UUID // of the message; zero for a batch
	EventType  string    // the code of the event type; "" for a batch
	Deliveries int       // begun, of all messages
	Err        error     // nil if the messages are stored; else the other fields may be zero
}

// AttemptStart describes an attempt at its begin. It holds no payload, secret or path of a URL.
type AttemptStart struct {
	TraceContext   string            // of the publish, as TraceContext returned it; "" for none
	OrganizationID uuid.UUID         // the owner of the subscription
	SubscriptionID uuid.UUID         // that gets the request
	MessageID      uuid.UUID         // the webhook-id
	DeliveryID     uuid.UUID         // the id of the chain's first attempt
	AttemptID      uuid.UUID         // of this attempt
	Number         int               // of the attempt in its chain, from 1
	Type           store.AttemptType // its origin
	Address        string            // of the receiver, host:port as the URL has them; "" if the URL cannot be used
}

// AttemptEnd is the outcome of an attempt.
type AttemptEnd struct {
	// Status is Succeeded or Failed. It is Pending if the attempt was broken off and given back: it is unknown
	// whether the request arrived.
	Status     store.Status
	HTTPStatus int       // of the answer; 0 for none
	Class      string    // of a failure, as in Notice; "" for another status
	Reason     string    // one line for a person; "" for a success
	RetryAt    time.Time // when the automatic retry is due; zero for none
}

// attemptSpan is the span of an attempt, or nothing if there is no Tracer.
type attemptSpan struct {
	ctx    context.Context // of the call of the Sender
	header http.Header     // continues the trace at the receiver
	finish func(AttemptEnd)
}
