package client_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
)

// document is the OpenAPI document, as far as the tests read it.
type document struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas    map[string]schema    `json:"schemas"`
		Parameters map[string]parameter `json:"parameters"`
	} `json:"components"`
}

type schema struct {
	Ref                  string            `json:"$ref"`
	Type                 any               `json:"type"`
	Format               string            `json:"format"`
	Enum                 []any             `json:"enum"`
	Properties           map[string]schema `json:"properties"`
	Required             []string          `json:"required"`
	Items                *schema           `json:"items"`
	OneOf                []schema          `json:"oneOf"`
	AllOf                []schema          `json:"allOf"`
	AdditionalProperties json.RawMessage   `json:"additionalProperties"`
}

type parameter struct {
	Ref  string `json:"$ref"`
	Name string `json:"name"`
	In   string `json:"in"`
}

// operation is an operation of the document.
type operation struct {
	OperationID string      `json:"operationId"`
	Parameters  []parameter `json:"parameters"`
	RequestBody *struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`

	method string
	path   []string // split at slashes
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(httpapi.OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// operations returns the operations by their id, with the references to parameters resolved.
func (d document) operations(t *testing.T) map[string]operation {
	t.Helper()
	all := map[string]operation{}
	for path, methods := range d.Paths {
		for method, text := range methods {
			if method == "parameters" {
				continue
			}
			o := operation{method: strings.ToUpper(method), path: strings.Split(path, "/")}
			if err := json.Unmarshal(text, &o); err != nil {
				t.Fatal(err)
			}
			for i, p := range o.Parameters {
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					o.Parameters[i] = d.Components.Parameters[name]
				}
			}
			all[o.OperationID] = o
		}
	}
	return all
}
