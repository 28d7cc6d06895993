package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/catalog"
)

// receiver is a program that decodes the bodies of its input with the generated package, and prints the
// types of the data and the data again.
const receiver = `package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"receiver/webhookevents"
)

type decoded struct {
	Type string
	Data any
	Raw  json.RawMessage
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var body json.RawMessage
		if err := in.Decode(&body); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		event, err := webhookevents.Decode(body)
		if err != nil {
			panic(err)
		}
		if err := out.Encode(decoded{fmt.Sprintf("%T", event.Data), event.Data, event.Raw}); err != nil {
			panic(err)
		}
	}
}
`

// decoded is a line of the receiver's output.
type decoded struct {
	Type string
	Data any
	Raw  any
}

// receive gives deliveries to a receiver with the Go types of a catalog.
func receive(t *testing.T, s webhooks.CatalogSnapshot, bodies []any) []decoded {
	t.Helper()
	var input bytes.Buffer
	for _, b := range bodies {
		if err := json.NewEncoder(&input).Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	var all []decoded
	for d := json.NewDecoder(bytes.NewReader(runBeside(t, s, receiver, &input))); d.More(); {
		var one decoded
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// runBeside runs a program beside the Go types of a catalog, and returns its output.
func runBeside(t *testing.T, s webhooks.CatalogSnapshot, program string, input io.Reader) []byte {
	t.Helper()
	code, err := catalog.Go(s, info, "")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module receiver\n\ngo 1.24\n", "main.go": program, "webhookevents/events.go": string(code),
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var output, complaint bytes.Buffer
	run := exec.CommandContext(t.Context(), "go", "run", ".")
	run.Dir, run.Stdin, run.Stdout, run.Stderr = folder, input, &output, &complaint
	run.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if err := run.Run(); err != nil {
		t.Fatalf("%v: %s\n%s", err, complaint.Bytes(), code)
	}
	return output.Bytes()
}

func TestGo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it compiles programs")
	}
	for name, folder := range map[string]fs.FS{"Seed": seed, "Hard": hard} {
		t.Run(name+"SamplesAreDecodedWithoutLoss", func(t *testing.T) {
			t.Parallel()
			s := snapshotOf(t, folder)
			var bodies, data []any
			var types []webhooks.EventType
			for _, e := range s.EventTypes {
				for _, sample := range s.Samples[e.ID] {
					bodies, types = append(bodies, body(e, sample.Payload)), append(types, e)
					data = append(data, value(t, string(sample.Payload)))
				}
			}
			for i, got := range receive(t, s, bodies) {
				if !reflect.DeepEqual(got.Raw, data[i]) {
					t.Errorf("%s: Raw is %v, want %v", types[i].Code, got.Raw, data[i])
				}
				if want := declared(data[i], types[i].Schema); !reflect.DeepEqual(got.Data, want) {
					t.Errorf("%s as %s:\n got %v\nwant %v", types[i].Code, got.Type, got.Data, want)
				}
			}
		})
	}
	t.Run("TheSnippetOfTheGuideCompiles", func(t *testing.T) {
		t.Parallel()
		guide, err := os.ReadFile("../docs/catalog.md")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(guide), "```go\n")
		snippet, _, _ := strings.Cut(rest, "```")
		runBeside(t, snapshotOf(t, seed), `package main

import (
	"fmt"

	"receiver/webhookevents"
)

func main() { _ = handle([]byte("{}")) }

func handle(body []byte) error {
`+snippet+`	return nil
}
`, nil)
	})
	t.Run("AnUnknownEventTypeHasRawDataAlone", func(t *testing.T) {
		t.Parallel()
		s := snapshotOf(t, seed)
		got := receive(t, s, []any{value(t, `{"type":"unknown","version":"v9","data":{"a":1}}`)})
		if len(got) != 1 || got[0].Data != nil || !reflect.DeepEqual(got[0].Raw, value(t, `{"a":1}`)) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("ThePackageHasALegalName", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"a-b", "func", "1", "a\npackage b"} {
			if code, err := catalog.Go(webhooks.CatalogSnapshot{}, info, name); err == nil {
				t.Errorf("the package %q is accepted: %s", name, code)
			}
		}
	})
}

// declared leaves out the members that the types do not keep: the ones that a schema of a few plain
// members does not name, and null where a member is optional.
func declared(data any, schema []byte) any {
	var s struct {
		Properties           map[string]any
		Required             []string
		AdditionalProperties any
		Defs                 any `json:"$defs"`
	}
	members, ok := data.(map[string]any)
	if !ok || json.Unmarshal(schema, &s) != nil || s.Properties == nil || s.Defs != nil {
		return data
	}
	kept := map[string]any{}
	for name, v := range members {
		if s.Properties[name] != nil {
			kept[name] = v
		}
	}
	return kept
}

func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestHostileTextsStayText puts texts with a meaning in Go and Markdown into every field of an operator.
func TestHostileTextsStayText(t *testing.T) {
	t.Parallel()
	hostile := "*/ `x`\nfunc init() { panic(1) }\n\n# heading\n| cell |\u202e\ufeff <script>"
	schema, err := json.Marshal(map[string]any{
		"title": hostile, "description": hostile, "type": "object", "required": []string{hostile},
		"properties": map[string]any{hostile: map[string]any{"description": hostile, "enum": []string{hostile, "`"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := webhooks.EventType{Name: hostile, Code: "a", Version: "v1", Description: hostile, Schema: schema}
	e.Category.Name = hostile
	s := webhooks.CatalogSnapshot{EventTypes: []webhooks.EventType{e}, Categories: []webhooks.Category{{Name: hostile, Description: hostile}}}
	head := catalog.Info{Title: hostile, Version: hostile}
	code, err := catalog.Go(s, head, "")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(code)) {
		if strings.HasPrefix(strings.TrimSpace(line), "func init") || strings.ContainsAny(line, "\u202e\ufeff") {
			t.Errorf("the text is code: %s", line)
		}
	}
	for line := range strings.Lines(string(catalog.Markdown(s, head))) {
		if strings.HasPrefix(line, "# heading") || strings.Contains(line, "<script>") && !strings.Contains(line, "\\<script\\>") {
			t.Errorf("the text is Markdown: %s", line)
		}
	}
	for name, text := range map[string][]byte{"OpenAPI": catalog.OpenAPI(s, head), "AsyncAPI": catalog.AsyncAPI(s, head)} {
		if !json.Valid(text) {
			t.Errorf("%s is no JSON: %s", name, text)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	for _, schema := range []string{
		`true`, `{`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"$id":"x","$anchor":"y"}}}`, `{"$id":":","$ref":"%"}`, `{"allOf":[{"$ref":"#"}]}`,
		`{"properties":{"a":{"$ref":"#/properties/a"}},"items":[],"prefixItems":{}}`, `{"type":[],"enum":{},"required":[[1]]}`,
		`[{"$ref":"#/0"}]`,
	} {
		f.Add([]byte(schema), []byte(`{"$ref":"x"}`))
	}
	f.Fuzz(func(t *testing.T, schema, sample []byte) {
		e := webhooks.EventType{Name: "n", Code: "a", Version: "v1", Schema: schema}
		s := webhooks.CatalogSnapshot{EventTypes: []webhooks.EventType{e}}
		s.Categories = []webhooks.Category{{Name: "c"}}
		s.Samples = map[uuid.UUID][]webhooks.Sample{}
		s.Samples[e.ID] = []webhooks.Sample{{Version: "v1", Payload: sample}}
		for _, text := range [][]byte{catalog.OpenAPI(s, info), catalog.AsyncAPI(s, info)} {
			if !json.Valid(text) {
				t.Errorf("no JSON: %s", text)
			}
		}
		catalog.Markdown(s, info)
		if _, err := catalog.Go(s, info, ""); err != nil {
			t.Error(err)
		}
	})
}

func ExampleGo() {
	s := webhooks.CatalogSnapshot{EventTypes: []webhooks.EventType{{
		Name: "Order paid", Code: "order.paid", Version: "v1",
		Schema: []byte(`{"type":"object","required":["id"],
			"properties":{"id":{"type":"string"},"paidAt":{"type":"string","format":"date-time"}}}`),
	}}}
	code, err := catalog.Go(s, catalog.Info{}, "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, types, _ := strings.Cut(string(code), "type OrderPaidV1 ")
	fmt.Print("type OrderPaidV1 ", types)
	// Output:
	// type OrderPaidV1 struct {
	// 	ID     string     `json:"id"`
	// 	PaidAt *time.Time `json:"paidAt,omitzero"`
	// }
}
