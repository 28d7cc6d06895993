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

	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/internal/strictjson"
	"github.com/ecg-api/webhooks/store"
)

// MaxBatch is how many events [Dispatcher.PublishBatch] and
// [Dispatcher.PublishBatchTx] take at once.
const MaxBatch = 1000

// keyLife is how long an idempotency key is remembered.
const keyLife = 24 * time.Hour

// Event is something that happened, to be told to whoever subscribed to it.
type Event struct {
	// Type is the code of an event type that is active.
	Type string
	// Version of the event type. Default: v1.
	Version string
	// Data is any JSON value. A json.RawMessage is taken as it is, less the white
	// space between its tokens; anything else is marshalled.
	Data any `log:"-"`
	// IdempotencyKey, if not "", makes it safe to publish again: for 24 h a second
	// event of the organization with the key is not published, and the result is
	// that of the first. At most 255 printable characters.
	IdempotencyKey string
	// OrderingKey says which events have to arrive in order, for subscriptions that are
	// Ordered. At most 255 printable characters.
	OrderingKey string
}

// Published is what became of an event.
type Published struct {
	ID         uuid.UUID // the message, and the webhook-id of its deliveries
	Deliveries int       // how many subscriptions matched
	Duplicate  bool      // it was published before under the same idempotency key
}

// Publish stores an event and one delivery for each live subscription of the
// organization that matches, in one transaction. When it returns without an error
// the deliveries will be made, whatever happens to this process.
//
// It returns a *[ValidationError] if org is the nil UUID, the event is malformed, its
// type unknown or its data does not match the type's schema; [ErrEventInactive];
// [ErrIdempotencyMismatch] if the key was used for another content; and
// [ErrUnavailable] if the store could not be reached. After that last one it is
// unknown whether the event was stored: publish again with an idempotency key.
func (d *Dispatcher) Publish(ctx context.Context, org uuid.UUID, e Event) (Published, error) {
	return one(d.publish(ctx, nil, org, []Event{e}))
}

// PublishTx publishes in the caller's transaction: the event is stored and will be
// delivered if, and only if, that commits. An error about the event leaves the
// transaction usable. Wrap the transaction as the store demands, for instance with
// bunstore.Tx. [ErrForeignTx] if it belongs to another kind of store, [ErrReadOnly]
// if it is a read-only transaction.
//
// It works on the transaction's connection alone, and asks the pool for no second
// one: a pool of one connection is enough. The event type is read in the transaction,
// too, so that the transaction's own changes of the catalog count.
func (d *Dispatcher) PublishTx(ctx context.Context, tx Tx, org uuid.UUID, e Event) (Published, error) {
	if tx == nil {
		return Published{}, errNilTx
	}
	return one(d.publish(ctx, tx, org, []Event{e}))
}

var errNilTx = errors.New("webhooks: the transaction is nil")

// PublishBatch publishes up to [MaxBatch] events, all of them or none. The results
// are in the order of the events. An error about one of them is an *[EventError].
func (d *Dispatcher) PublishBatch(ctx context.Context, org uuid.UUID, events []Event) ([]Published, error) {
	return d.publishBatch(ctx, nil, org, events)
}

// PublishBatchTx publishes as PublishBatch does, in the caller's transaction as
// PublishTx does. After an error about one of the events nothing of the batch is
// stored, and the transaction is usable.
func (d *Dispatcher) PublishBatchTx(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if tx == nil {
		return nil, errNilTx
	}
	return d.publishBatch(ctx, tx, org, events)
}

func (d *Dispatcher) publishBatch(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if len(events) == 0 || len(events) > MaxBatch {
		return nil, fault(Invalid, "/events", fmt.Sprintf("must have 1–%d members", MaxBatch))
	}
	return d.publish(ctx, tx, org, events)
}

func one(results []Published, err error) (Published, error) {
	if e, ok := errors.AsType[*EventError](err); ok {
		err = e.Err
	}
	if err != nil {
		return Published{}, err
	}
	return results[0], nil
}

func (d *Dispatcher) publish(ctx context.Context, tx Tx, org uuid.UUID, events []Event) (results []Published, err error) {
	err = d.withinStoreTimeout(ctx, func(ctx context.Context) (err error) {
		results, err = d.publishWithin(ctx, tx, org, events)
		return err
	})
	return results, err
}

func (d *Dispatcher) publishWithin(ctx context.Context, tx Tx, org uuid.UUID, events []Event) ([]Published, error) {
	if err := checkOrganization(org); err != nil {
		return nil, err
	}
	messages := make([]store.NewMessage, 0, len(events))
	place := make([]int, len(events)) // of an event's message: repeated keys share one
	byKey := map[string]int{}
	types, budget := d.typeReader(tx), schema.NewBudget()
	for i, e := range events {
		m, err := d.message(ctx, types, budget, org, e)
		if err != nil {
			return nil, &EventError{i, err}
		}
		if m.IdempotencyKey != "" {
			if first, again := byKey[m.IdempotencyKey]; again {
				if string(messages[first].Fingerprint) != string(m.Fingerprint) {
					return nil, &EventError{i, ErrIdempotencyMismatch}
				}
				place[i] = first
				continue
			}
			byKey[m.IdempotencyKey] = len(messages)
		}
		place[i] = len(messages)
		messages = append(messages, m)
	}
	stored, err := d.storeMessages(ctx, tx, messages)
	if mismatch, ok := errors.AsType[*store.IdempotencyError](err); ok {
		for i := range place {
			if place[i] == mismatch.Index {
				return nil, &EventError{i, ErrIdempotencyMismatch}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	results, seen := make([]Published, len(events)), make([]bool, len(messages))
	for i, at := range place {
		s := stored[at]
		results[i] = Published{ID: s.MessageID, Deliveries: s.Deliveries, Duplicate: s.Duplicate || seen[at]}
		seen[at] = true
	}
	return results, nil
}

// storeMessages stores messages in the transaction, or without one together with what
// else is published.
func (d *Dispatcher) storeMessages(ctx context.Context, tx Tx, messages []store.NewMessage) ([]store.Published, error) {
	if tx != nil { // whether and when it commits is not ours to know
		opts := store.PublishOptions{NewID: d.cfg.NewID, KeysSince: d.now().Add(-keyLife)}
		return d.store.Publish(ctx, tx, messages, opts)
	}
	return d.gatherer.publish(ctx, messages)
}

// storeNow stores messages in a transaction of their own, and hands what it can over to
// the dispatcher of this process: it is stored as leased already, and goes out without
// a claim.
func (c *core) storeNow(ctx context.Context, messages []store.NewMessage) ([]store.Published, error) {
	opts := store.PublishOptions{NewID: c.cfg.NewID, KeysSince: c.now().Add(-keyLife)}
	room := c.engine.Reserve()
	opts.HandOff, opts.Lease = room.Take, room.Lease
	stored, err := c.store.Publish(ctx, nil, messages, opts)
	jobs, left := make([]store.Job, 0, len(stored)), false
	for _, s := range stored {
		jobs = append(jobs, s.Jobs...)
		left = left || len(s.Jobs) < s.Deliveries && !s.Duplicate
	}
	room.HandOver(jobs)
	if left {
		c.engine.Wake()
	}
	return stored, err
}

// message checks an event and makes its message. The budget is that of the whole call.
func (d *Dispatcher) message(ctx context.Context, types typeReader, budget *schema.Budget, org uuid.UUID, e Event) (store.NewMessage, error) {
	if e.Version == "" {
		e.Version = "v1"
	}
	if err := checkEvent(e); err != nil {
		return store.NewMessage{}, err
	}
	scratch := scratches.Get().(*[]byte) // the body gets a copy
	defer scratches.Put(scratch)
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
	if err := d.matchSchema(ctx, budget, t.schema, "/data", data); err != nil {
		return store.NewMessage{}, err
	}
	m := d.newMessage(ctx, org, t.EventType, data)
	m.OrderingKey = e.OrderingKey
	return store.NewMessage{
		Message: m, Topics: store.Topics(t.ID, t.Code, t.Version), ExpiresAt: m.CreatedAt.Add(d.cfg.Deadline),
		IdempotencyKey: e.IdempotencyKey, Fingerprint: fingerprint(e, data),
	}, nil
}

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is how many bytes of a scratch are kept.
const maxScratch = 64 << 10

// unknownType words that an event names no event type.
func unknownType(err error, version string) error {
	if errors.Is(err, ErrNotFound) {
		return fault(UnknownReference, "/eventType", "names no event type of version "+version)
	}
	return err
}

// newMessage makes the message of data that was checked.
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
	case !codeForm.MatchString(e.Type):
		return fault(Invalid, "/eventType", allowed("code", ""))
	case !versionForm.MatchString(e.Version):
		return fault(Invalid, "/version", allowed("version", ""))
	case !keyAllowed(e.IdempotencyKey):
		return fault(Invalid, "/idempotencyKey", "must be at most 255 printable characters")
	case !keyAllowed(e.OrderingKey):
		return fault(Invalid, "/orderingKey", "must be at most 255 printable characters")
	}
	return nil
}

func keyAllowed(key string) bool {
	return utf8.ValidString(key) && utf8.RuneCountInString(key) <= 255 &&
		!strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) })
}

// data appends the event's data to dst, as the JSON that is sent.
func (d *Dispatcher) data(dst []byte, value any) ([]byte, error) {
	raw, ok := value.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			return nil, fault(Invalid, "/data", "cannot be marshalled: "+err.Error())
		}
	}
	return appendCompact(dst, "/data", raw, d.cfg.MaxData)
}

// compact returns a JSON value without the white space between its tokens, if it
// keeps to the strict rules and is at most so many bytes long.
func compact(pointer string, raw []byte, most int) ([]byte, error) {
	return appendCompact(nil, pointer, raw, most)
}

func appendCompact(dst []byte, pointer string, raw []byte, most int) ([]byte, error) {
	if len(raw) > most {
		return nil, fault(Invalid, pointer, fmt.Sprintf("must be at most %d bytes", most))
	}
	out, err := strictjson.Compact(dst, raw, maxDepth)
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return nil, fault(Invalid, pointer+bad.Pointer, "must be a JSON value: "+bad.Reason)
	}
	return out, err
}

// body returns what is posted. Data comes last: see [Message.Data].
func body(id uuid.UUID, code, version string, at time.Time, data []byte) []byte {
	b := make([]byte, 0, len(data)+160)
	b = append(b, `{"id":"`...)
	b = append(b, id.String()...)
	b = append(b, `","type":"`...)
	b = append(b, code...)
	b = append(b, `","version":"`...)
	b = append(b, version...)
	b = append(b, `","timestamp":"`...)
	b = at.AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","data":`...)
	b = append(b, data...)
	return append(b, '}')
}

// fingerprint tells whether an event with a known key is the same event.
func fingerprint(e Event, data []byte) []byte {
	if e.IdempotencyKey == "" {
		return nil
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", e.Type, e.Version, e.OrderingKey)
	h.Write(data)
	return h.Sum(nil)
}
