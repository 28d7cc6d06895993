package main

import (
	"context"
	"fmt"

	"github.com/ecg-api/webhooks/httpapi"
)

// openAPICmd prints the document that GET /api/openapi.json answers with.
type openAPICmd struct{}

func (*openAPICmd) run(_ context.Context, h *host, _ *cli) error {
	_, err := fmt.Fprintf(h.stdout, "%s\n", httpapi.OpenAPI())
	return err
}
