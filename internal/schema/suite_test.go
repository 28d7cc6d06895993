package schema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/internal/strictjson"
)

// TestSuite runs the tests for draft 2020-12 of the JSON-Schema-Test-Suite, of
// github.com/json-schema-org (MIT license, in testdata/suite). Schemas that need another
// document are refused, as they should be.
func TestSuite(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/suite/*.json")
	if err != nil || len(files) < 40 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var groups []suiteGroup
			if err := json.Unmarshal(text, &groups); err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				g.run(t)
			}
		})
	}
}

type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func (g suiteGroup) run(t *testing.T) {
	t.Helper()
	s, err := schema.Compile(compact(t, g.Schema))
	if err != nil {
		if !strings.Contains(string(g.Schema), "http://localhost:1234/") {
			t.Errorf("%s: %v", g.Description, err)
		}
		return
	}
	for _, c := range g.Tests {
		faults, err := s.Validate(t.Context(), schema.NewBudget(), compact(t, c.Data), 100)
		if err != nil || (len(faults) == 0) != c.Valid {
			t.Errorf("%s, %s: valid should be %v: %v, %v", g.Description, c.Description, c.Valid, faults, err)
		}
	}
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	out, err := strictjson.Compact(nil, text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
