package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// FilterTestInput is the part of a subscription that selects events.
type FilterTestInput struct {
	Filter  []ConditionInput `json:"filter"`            // the conditions; empty: every event matches
	Events  []string         `json:"events,omitempty"`  // IDs, codes or patterns of event types; default: all
	Version string           `json:"version,omitempty"` // of the codes and patterns; default: v1
}

// FilterResult says whether a subscription would get an event.
type FilterResult struct {
	EventID   uuid.UUID       `json:"eventId"`   // as in Message
	EventType string          `json:"eventType"` // as in Message
	Version   string          `json:"version"`   // as in Message
	CreatedAt time.Time       `json:"createdAt"` // as in Message
	Matched   bool            `json:"matched"`   // the subscription would get it
	Reason    UnmatchedReason `json:"reason"`    // "": it matched
}

type filterResults struct {
	Items []FilterResult `json:"items"`
}

// TestFilter says which of the last 20 published events a subscription would get, newest first. Nothing
// is stored.
func (s *Subscriptions) TestFilter(ctx context.Context, org string, in FilterTestInput) ([]FilterResult, error) {
	if in.Filter == nil {
		in.Filter = []ConditionInput{}
	}
	found, err := call[filterResults](ctx, s.c, request{
		method: http.MethodPost, path: organizationPath(org, "webhook-subscriptions", "filter-test"), body: in, repeat: true,
	})
	return found.Items, err
}
