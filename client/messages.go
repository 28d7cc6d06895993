package client

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Message is a published event.
type Message struct {
	ID          uuid.UUID      `json:"id"`          // the webhook-id of its deliveries
	EventType   string         `json:"eventType"`   // code of the event type
	Version     string         `json:"version"`     // of the event type
	OrderingKey string         `json:"orderingKey"` // as in Event; "": none
	CreatedAt   time.Time      `json:"createdAt"`   // when it was published
	Deliveries  DeliveryCounts `json:"deliveries"`  // to all subscriptions
}

// DeliveryCounts counts the deliveries of a message by their state.
type DeliveryCounts struct {
	Total     int `json:"total"`     // the sum of the other fields
	Pending   int `json:"pending"`   // not ended, also while one is being sent
	Succeeded int `json:"succeeded"` // ended with a success
	Failed    int `json:"failed"`    // no automatic retry follows
	Cancelled int `json:"cancelled"` // withdrawn
}

// MessageDetail is a message with its data and its first 100 deliveries.
type MessageDetail struct {
	Message
	Data        json.RawMessage `json:"data"`        // the data of the event
	Activations []Delivery      `json:"activations"` // the first 100 deliveries
	Damaged     []string        `json:"damaged"`     // members with stored values that cannot be read
	Expunged    *Expunged       `json:"expunged"`    // when the data was removed; nil: it is there
}

// UnmatchedReason says why a subscription did not get an event.
type UnmatchedReason string

// The reasons.
const (
	NotSubscribed UnmatchedReason = "not_subscribed" // it did not list the event type
	OtherVersion  UnmatchedReason = "version"        // it lists another version of the event type
	WasInactive   UnmatchedReason = "inactive"       // it was inactive
	WasArchived   UnmatchedReason = "archived"       // it was archived
	WasFiltered   UnmatchedReason = "filtered"       // its filter does not match the data
	WasMadeLater  UnmatchedReason = "created_later"  // it did not exist yet

	// The reasons of Subscriptions.TestFilter alone.
	PayloadRemoved UnmatchedReason = "payload_removed" // the content of the event was removed
	TooLarge       UnmatchedReason = "too_large"       // newer events reached the bound on the bytes that are read
)

// Explanation says whether a subscription got an event, and why not.
type Explanation struct {
	SubscriptionID uuid.UUID       `json:"subscriptionId"` // of each subscription of the organization
	PostURI        string          `json:"postUri"`        // "": none
	Matched        bool            `json:"matched"`        // the subscription got the event
	Reason         UnmatchedReason `json:"reason"`         // "": it got the event
	ActivationID   uuid.UUID       `json:"activationId"`   // of the delivery; zero: none
	Status         AttemptStatus   `json:"status"`         // of the delivery; "": none
	HeldUntil      time.Time       `json:"heldUntil"`      // zero: neither circuit nor back-pressure holds it
}

// Explanations are a page of the explanations of a message.
type Explanations struct {
	Items      []Explanation `json:"items"`      // in the order in which the subscriptions were created
	NextCursor string        `json:"nextCursor"` // goes on behind this page; "": it is the last one
}

// ExplanationQuery asks for explanations of a message.
type ExplanationQuery struct {
	SubscriptionID uuid.UUID `query:"subscriptionId"` // only of this subscription; zero: of all
	Take           int       `query:"take"`           // items of a page, 1–100; 0: all
	Cursor         string    `query:"cursor"`         // the NextCursor of a page of the same message
}

// Messages yields all messages of an organization.
func (d *Dispatcher) Messages(ctx context.Context, org string, q MessageQuery) iter.Seq2[Message, error] {
	return byCursor(q.CursorQuery, func(page CursorQuery) (Page[Message], error) {
		return d.ListMessages(ctx, org, MessageQuery{page})
	})
}

// ListMessages returns one page of the messages of an organization.
func (d *Dispatcher) ListMessages(ctx context.Context, org string, q MessageQuery) (Page[Message], error) {
	return get[Page[Message]](ctx, d.c, organizationPath(org, "events"), q)
}

// Message returns one message.
func (d *Dispatcher) Message(ctx context.Context, org string, id uuid.UUID) (MessageDetail, error) {
	return get[MessageDetail](ctx, d.c, organizationPath(org, "events", id.String()), nil)
}

// Explain says for each subscription of the organization whether it got the message, and why not.
func (d *Dispatcher) Explain(ctx context.Context, org string, message uuid.UUID) ([]Explanation, error) {
	found, err := d.ListExplanations(ctx, org, message, ExplanationQuery{})
	return found.Items, err
}

// ListExplanations returns one page of the explanations of a message.
func (d *Dispatcher) ListExplanations(ctx context.Context, org string, message uuid.UUID, q ExplanationQuery) (Explanations, error) {
	return get[Explanations](ctx, d.c, organizationPath(org, "events", message.String(), "explain"), q)
}
