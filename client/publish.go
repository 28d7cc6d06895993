package client

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
)

// Dispatcher publishes events, and sends attempts again. Its methods take the name of an
// organization: see the comment of the package.
type Dispatcher struct{ c *Client }

// Event is an event to be published.
type Event struct {
	Type    string `json:"eventType"`         // code of the event type; required
	Version string `json:"version,omitempty"` // default: v1
	// Data is encoded as JSON. A json.RawMessage reaches the endpoints byte for byte, except for the
	// white space between tokens.
	Data any `json:"data"`
	// IdempotencyKey makes repeated publishes one: for 24 hours a second publish with the key is not
	// published, and answers as the first did. At most 255 printable characters. Default: a random
	// key, which is the same for all attempts of one call.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	// OrderingKey names the events that ordered subscriptions get in the order of publishing.
	OrderingKey string `json:"orderingKey,omitempty"`
}

// Published is the result of a publish.
type Published struct {
	ID         uuid.UUID `json:"id"`         // of the message, and the webhook-id of its deliveries
	Deliveries int       `json:"deliveries"` // how many subscriptions matched
	Duplicate  bool      `json:"duplicate"`  // it was published before, under the same key
}

type publishedBatch struct {
	Items []Published `json:"items"`
}

type batchInput struct {
	Events []Event `json:"events"`
}

// Publish publishes an event to all matching subscriptions of an organization. It is repeated
// under the same idempotency key, so that the event is published once.
func (d *Dispatcher) Publish(ctx context.Context, org string, e Event) (Published, error) {
	if e.IdempotencyKey == "" {
		e.IdempotencyKey = uuid.NewString()
	}
	return call[Published](ctx, d.c, request{method: http.MethodPost, path: organizationPath(org, "events"), body: e, repeat: true})
}

// PublishBatch publishes 1–1,000 events: all of them, or none. The results have the order of the
// events. A fault of one event is an [*Error] with the pointer /events/i in its Fields.
func (d *Dispatcher) PublishBatch(ctx context.Context, org string, events []Event) ([]Published, error) {
	keyed, key := slices.Clone(events), uuid.NewString()
	for i := range keyed {
		if keyed[i].IdempotencyKey == "" {
			keyed[i].IdempotencyKey = key + "/" + strconv.Itoa(i)
		}
	}
	made, err := call[publishedBatch](ctx, d.c, request{
		method: http.MethodPost, path: organizationPath(org, "events", "batch"), body: batchInput{keyed}, repeat: true,
	})
	return made.Items, err
}
