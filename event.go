package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/strictjson"
	"github.com/ecg-api/webhooks/store"
)

// Event is something that happened, for the subscriptions to its type.
type Event struct {
	// Type is the code of an event type that is active.
	Type string `field:"eventType"`
	// Version of the event type. Default: v1.
	Version string `field:"version"`
	// Data is any JSON value. A json.RawMessage is sent as it is, without the white
	// space between its tokens; a value of any other type is marshalled.
	Data any `field:"data" log:"-"`
	// IdempotencyKey, if not "", makes it safe to publish the event again: for 24 h a second
	// event of the organization with the key is not published, and the result is
	// that of the first event. At most 255 printable characters.
	IdempotencyKey string `field:"idempotencyKey"`
	// OrderingKey names a sequence of events: subscriptions that are Ordered get the
	// events of a sequence one after the other. At most 255 printable characters.
	OrderingKey string `field:"orderingKey"`
}

// message checks an event and makes its message.
func (d *Dispatcher) message(ctx context.Context, types *typeReader, org uuid.UUID, e Event) (store.NewMessage, error) {
	if e.Version == "" {
		e.Version = "v1"
	}
	if err := checkEvent(e); err != nil {
		return store.NewMessage{}, err
	}
	scratch := scratchPool.Get().(*[]byte) // the message body gets a copy of the data
	defer scratchPool.Put(scratch)
	data, err := d.data((*scratch)[:0], e.Data)
	if err != nil {
		return store.NewMessage{}, err
	}
	if cap(data) <= maxScratch {
		*scratch = data
	}
	t, err := types.publishable(ctx, e.Type, e.Version)
	if err != nil {
		return store.NewMessage{}, unknownType(err, e.Version)
	}
	if t.CategoryID == operationalCategory {
		return store.NewMessage{}, wrongField(Invalid, "/eventType", "must not be a built-in event type: only the service publishes these")
	}
	if err := types.matchSchema(ctx, t, data); err != nil {
		return store.NewMessage{}, err
	}
	m := d.newMessage(ctx, org, t.EventType, data)
	m.OrderingKey = e.OrderingKey
	return store.NewMessage{
		Message: m, Topics: t.topics, ExpiresAt: m.CreatedAt.Add(d.cfg.Deadline),
		IdempotencyKey: e.IdempotencyKey, Fingerprint: fingerprint(e, data),
	}, nil
}

var scratchPool = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is the largest capacity in bytes of a scratch buffer that is kept.
const maxScratch = 64 << 10

// unknownType turns ErrNotFound into the ValidationError of an event that names no event type.
func unknownType(err error, version string) error {
	if errors.Is(err, ErrNotFound) {
		return wrongField(UnknownReference, "/eventType", "names no event type of version "+version)
	}
	return err
}

// newMessage makes a message of checked data.
func (c *core) newMessage(ctx context.Context, org uuid.UUID, t EventType, data []byte) Message {
	id, audit := c.created(ctx)
	return Message{
		ID: id, OrganizationID: org, EventTypeID: t.ID, Type: t.Code, Version: t.Version,
		Body:      body(id, t.Code, t.Version, audit.CreatedAt, data),
		CreatedAt: audit.CreatedAt, CreatedBy: audit.CreatedBy,
	}
}

func checkEvent(e Event) error {
	switch {
	case !isCode(e.Type):
		return wrongField(Invalid, "/eventType", allowed("code", ""))
	case !isVersion(e.Version):
		return wrongField(Invalid, "/version", allowed("version", ""))
	case !validKey(e.IdempotencyKey):
		return wrongField(Invalid, "/idempotencyKey", "must be at most 255 printable characters")
	case !validKey(e.OrderingKey):
		return wrongField(Invalid, "/orderingKey", "must be at most 255 printable characters")
	}
	return nil
}

func validKey(key string) bool {
	return utf8.ValidString(key) && utf8.RuneCountInString(key) <= 255 &&
		!strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) })
}

// data appends the event's data to dst in the form in which it is sent: compact JSON.
func (d *Dispatcher) data(dst []byte, value any) ([]byte, error) {
	raw, ok := value.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			return nil, wrongField(Invalid, "/data", "cannot be marshalled: "+err.Error())
		}
	}
	return appendCompact(dst, "/data", raw, d.cfg.MaxData)
}

// compact returns a JSON value without the white space between its tokens. The error is a
// ValidationError at the pointer if the value is longer than most bytes or no strict JSON.
func compact(pointer string, raw []byte, most int) ([]byte, error) {
	return appendCompact(nil, pointer, raw, most)
}

func appendCompact(dst []byte, pointer string, raw []byte, most int) ([]byte, error) {
	if len(raw) > most {
		return nil, wrongField(Invalid, pointer, fmt.Sprintf("must be at most %d bytes", most))
	}
	out, err := strictjson.Compact(dst, raw, maxDepth)
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return nil, wrongField(Invalid, pointer+bad.Pointer, "must be a JSON value: "+bad.Reason)
	}
	return out, err
}

// timeForm is the form of times in bodies, which are in UTC.
const timeForm = "2006-01-02T15:04:05.000Z"

// body returns the body of the POST. Data comes last: see [Message.Data].
func body(id uuid.UUID, code, version string, at time.Time, data []byte) []byte {
	b := make([]byte, 0, len(data)+160)
	b = append(b, `{"id":"`...)
	text, _ := id.MarshalText() // never fails; unlike String it is not allocated
	b = append(b, text...)
	b = append(b, `","type":"`...)
	b = append(b, code...)
	b = append(b, `","version":"`...)
	b = append(b, version...)
	b = append(b, `","timestamp":"`...)
	b = at.AppendFormat(b, timeForm)
	b = append(b, `","data":`...)
	b = append(b, data...)
	return append(b, '}')
}

// fingerprint returns a hash of an event's content, which tells whether a second event with the
// same idempotency key is the same event. It is nil without a key.
func fingerprint(e Event, data []byte) []byte {
	if e.IdempotencyKey == "" {
		return nil
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", e.Type, e.Version, e.OrderingKey)
	h.Write(data)
	return h.Sum(nil)
}
