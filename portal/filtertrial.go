package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// filterTrial says which of the last events a filter lets pass.
type filterTrial struct {
	Offered bool // the REST interface can try filters
	Done    bool
	Matched int
	Items   []triedEvent
}

// triedEvent is an event on which a filter was tried.
type triedEvent struct {
	EventID   uuid.UUID `json:"eventId"`
	EventType string    `json:"eventType"`
	Version   string    `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
	Matched   bool      `json:"matched"`
	Reason    string    `json:"reason"` // "": it matched
}

// tryFilter tries the filter of the form on the last events. It returns the status of a refusal, 0 for none.
func (p *portal) tryFilter(v *visit, view *endpointFormView) int {
	items, err := p.testFilter(v.ctx, v.org, view.conditions())
	if status, refused := view.Faults.addRefusal(err, view.fieldOf); refused {
		return status
	}
	if err != nil {
		view.Faults.addKey(v.text, "", "unknown_now")
		return 0
	}
	view.Trial.Done, view.Trial.Items = true, items
	for _, e := range items {
		if e.Matched {
			view.Trial.Matched++
		}
	}
	return 0
}

// testFilter calls POST …/webhook-subscriptions/filter-test, for which package client has no method yet.
func (p *portal) testFilter(ctx context.Context, org string, filter []client.ConditionInput) ([]triedEvent, error) {
	body, err := json.Marshal(map[string]any{"filter": filter})
	if err != nil {
		return nil, err
	}
	resp, err := p.filterTest(ctx, org, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		said := &client.Error{}
		if json.Unmarshal(text, said) != nil {
			return nil, client.ErrInternal
		}
		said.Status = resp.StatusCode
		return nil, said
	}
	var answer struct {
		Items []triedEvent `json:"items"`
	}
	return answer.Items, json.Unmarshal(text, &answer)
}

func (p *portal) filterTest(ctx context.Context, org string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost,
		inProcessURL+"/api/organizations/"+url.PathEscape(org)+"/webhook-subscriptions/filter-test", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return p.rest.RoundTrip(r)
}

// hasFilterTest reports whether the REST interface has the operation: without a caller it answers 401, not 404 or 405.
func (p *portal) hasFilterTest() bool {
	resp, err := p.filterTest(context.Background(), uuid.Nil.String(), nil)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusUnauthorized
}
