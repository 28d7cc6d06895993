package catalog_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/ecg-api/webhooks/catalog"
)

var update = flag.Bool("update", false, "write the documents of testdata")

// TestDocumentsAreAsReviewed compares the documents of both catalogs with the ones in testdata.
// go test ./catalog -update writes them: look at the difference.
func TestDocumentsAreAsReviewed(t *testing.T) {
	t.Parallel()
	s, h := snapshotOf(t, seed), snapshotOf(t, hard)
	code, err := catalog.Go(s, info, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"seed.openapi.json":  catalog.Indent(catalog.OpenAPI(s, info)),
		"seed.asyncapi.json": catalog.Indent(catalog.AsyncAPI(s, info)),
		"seed.md":            catalog.Markdown(s, info),
		"seed.go.txt":        code,
		"hard.openapi.json":  catalog.Indent(catalog.OpenAPI(h, info)),
		"hard.asyncapi.json": catalog.Indent(catalog.AsyncAPI(h, info)),
		"hard.md":            catalog.Markdown(h, info),
	} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		reviewed, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, reviewed) {
			t.Errorf("%s is not as reviewed: run go test ./catalog -update, and look at the difference", golden)
		}
	}
}
