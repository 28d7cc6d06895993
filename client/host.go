package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Health says whether the host works, and which part of it does not.
type Health struct {
	Status  string                `json:"status"`  // ok or error
	Info    map[string]HealthPart `json:"info"`    // the parts that work
	Error   map[string]HealthPart `json:"error"`   // the parts that do not work
	Details map[string]HealthPart `json:"details"` // all parts
}

// HealthPart is the state of a part, such as database or dispatcher.
type HealthPart struct {
	Status  string `json:"status"`  // up or down
	Message string `json:"message"` // for a person
}

// Health asks the host whether it works. A host that says that it does not is no error: Status is
// error. It is asked once.
func (c *Client) Health(ctx context.Context) (Health, error) {
	return call[Health](ctx, c, request{
		method: http.MethodGet, path: []string{"healthcheck"}, open: true, also: http.StatusServiceUnavailable,
	})
}

// OpenAPI returns the OpenAPI 3.1 document of the interface.
func (c *Client) OpenAPI(ctx context.Context) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, request{method: http.MethodGet, path: []string{"api", "openapi.json"}, open: true, repeat: true})
}

// Docs returns the documentation of the interface as HTML.
func (c *Client) Docs(ctx context.Context) ([]byte, error) {
	a, err := c.exchange(ctx, request{method: http.MethodGet, path: []string{"docs"}, open: true, repeat: true})
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

// ReceiveSuccess calls the test receiver that succeeds, as the sender of a webhook does.
func (c *Client) ReceiveSuccess(ctx context.Context) error {
	return command(ctx, c, request{
		method: http.MethodPost, path: []string{"api", "webhook-processors", "success-response"}, open: true,
	})
}

type receiverQuery struct {
	Status int `query:"status"`
}

// ReceiveFailure calls the test receiver that fails. The error is an [*Error] with the status,
// which is 400–599; 0 is 500.
func (c *Client) ReceiveFailure(ctx context.Context, status int) error {
	return command(ctx, c, request{
		method: http.MethodPost, path: []string{"api", "webhook-processors", "failed-response"}, query: receiverQuery{status}, open: true,
	})
}
