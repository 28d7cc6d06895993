package main

import (
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
)

func TestOpenAPIPrintsTheDocument(t *testing.T) {
	t.Parallel()
	r := command(t, nil, "openapi")
	if r.code != 0 || r.stdout != string(httpapi.OpenAPI())+"\n" {
		t.Errorf("exit %d, %d bytes, want the document of %d bytes and a newline: %s", r.code, len(r.stdout), len(httpapi.OpenAPI()), r.stderr)
	}
}
