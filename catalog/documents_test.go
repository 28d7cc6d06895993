package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/catalog"
)

// made is a document with the means to use its schemas.
type made struct {
	text   []byte
	whole  any
	schema func(t rapid.TB, place string) *jsonschema.Schema // at a JSON Pointer
}

func newMade(t rapid.TB, text []byte, dialect ...*jsonschema.Draft) made {
	t.Helper()
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	for _, d := range dialect {
		c.DefaultDraft(d)
	}
	if err := c.AddResource("urn:document", whole); err != nil {
		t.Fatal(err)
	}
	return made{text, whole, func(t rapid.TB, place string) *jsonschema.Schema {
		t.Helper()
		s, err := c.Compile("urn:document#" + place)
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		return s
	}}
}

// nothing loads no reference to another document.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside of the document", url)
}

// at returns a value of the document.
func (m made) at(names ...string) any {
	v := m.whole
	for _, n := range names {
		members, _ := v.(map[string]any)
		v = members[n]
	}
	return v
}

// keys returns the keys of the event types, by code and version.
func (m made) keys(t rapid.TB) map[[2]string]string {
	t.Helper()
	all, _ := m.at("components", "schemas").(map[string]any)
	keys := map[[2]string]string{}
	for key := range all {
		about, _ := m.at("components", "schemas", key, "properties").(map[string]any)
		if code, ok := about["type"].(map[string]any); ok && code["const"] != nil {
			version, _ := about["version"].(map[string]any)
			keys[[2]string{fmt.Sprint(code["const"]), fmt.Sprint(version["const"])}] = key
		}
	}
	return keys
}

func body(e webhooks.EventType, data []byte) any {
	const form = `{"id":%q,"type":%q,"version":%q,"timestamp":"2026-01-15T08:30:00.000Z","data":%s}`
	text := fmt.Appendf(nil, form, uuid.New(), e.Code, e.Version, data)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	return v
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]fs.FS{"Seed": seed, "Hard": hard} {
		s := snapshotOf(t, folder)
		t.Run(name+"/IsValidForOpenAPI31", func(t *testing.T) {
			t.Parallel()
			doc, err := openapi3.NewLoader().LoadFromData(catalog.OpenAPI(s, info))
			if err != nil {
				t.Fatal(err)
			}
			if err := doc.Validate(t.Context()); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+"/AcceptsTheBodiesWithSamples", func(t *testing.T) {
			t.Parallel()
			m := newMade(t, catalog.OpenAPI(s, info))
			checkSamples(t, m, s, m.keys(t))
		})
		t.Run(name+"/AsyncAPIAcceptsTheBodiesWithSamples", func(t *testing.T) {
			t.Parallel()
			m := newMade(t, catalog.AsyncAPI(s, info), jsonschema.Draft7)
			checkSamples(t, m, s, m.keys(t))
		})
	}
}

// checkSamples checks that the schema of each event type accepts a body with its samples, and no body
// of another type.
func checkSamples(t *testing.T, m made, s webhooks.CatalogSnapshot, keys map[[2]string]string) {
	t.Helper()
	for _, e := range s.EventTypes {
		key := keys[[2]string{e.Code, e.Version}]
		if key == "" {
			t.Errorf("%s %s is not in the document", e.Code, e.Version)
			continue
		}
		compiled := m.schema(t, "/components/schemas/"+key)
		for _, sample := range s.Samples[e.ID] {
			if err := compiled.Validate(body(e, sample.Payload)); err != nil {
				t.Errorf("%s: %v", e.Code, err)
			}
			other := e
			other.Version += "x"
			if compiled.Validate(body(other, sample.Payload)) == nil {
				t.Errorf("%s accepts another version", e.Code)
			}
		}
	}
}

// TestReferencesKeepTheirMeaning checks verdicts that depend on references: a document with references
// that lead to another place, or nowhere, gives other verdicts.
func TestReferencesKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	s := snapshotOf(t, hard)
	m := newMade(t, catalog.OpenAPI(s, info))
	keys := m.keys(t)
	for _, c := range []struct{ code, data string }{
		{"tree.self", `{"name":"a","self":{"name":1}}`},
		{"tree.self", `{"name":"a","list":[{"name":"b","self":{}}]}`},
		{"dynamic", `{"kids":[{"kids":[{"value":1}]}]}`},
		{"resources", `{"i":{"s":1}}`},
		{"meta", `{"schema":"no schema"}`},
		{"unknown.keyword", `{"a":1}`},
		{"list", `[[["no list"]]]`},
		{"cycle.required", `{"b":{"a":{}}}`},
		{"wide.all-of", `{"wide":{"deep":1}}`},
	} {
		data := m.schema(t, "/components/schemas/"+keys[[2]string{c.code, "v1"}]+"/properties/data")
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(c.data))
		if err != nil {
			t.Fatal(err)
		}
		if data.Validate(v) == nil {
			t.Errorf("the document accepts %s as data of %s, the schema does not", c.data, c.code)
		}
	}
}

func TestADocumentHasNoReferenceInData(t *testing.T) {
	t.Parallel()
	s := snapshotOf(t, hard)
	for name, text := range map[string][]byte{"OpenAPI": catalog.OpenAPI(s, info), "AsyncAPI": catalog.AsyncAPI(s, info)} {
		for _, data := range []string{"looks like a reference", "no reference, but data", "#/nowhere"} {
			if bytes.Contains(text, []byte(data)) {
				t.Errorf("%s has the text %q of a member $ref", name, data)
			}
		}
	}
}

var (
	componentName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	legalCode     = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,7}`)
	legalVersion  = rapid.StringMatching(`(v1|data|_2|[A-Za-z0-9._-]{1,4})`)
)

// TestNamesAreLegalAndUnique takes random codes and versions, and requires of each document that every
// event type has a name of its own there.
func TestNamesAreLegalAndUnique(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := webhooks.CatalogSnapshot{Version: "1"}
		for _, id := range rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) [2]string {
			return [2]string{
				rapid.OneOf(legalCode, rapid.SampledFrom([]string{"a", "a.b", "a.v1", "a-b", "a_b", "A.b", "1", "event", "Decode"})).Draw(t, "code"),
				rapid.OneOf(legalVersion, rapid.SampledFrom([]string{"v1", "v1.data", "data", "b.v1"})).Draw(t, "version"),
			}
		}), 1, 30, rapid.ID[[2]string]).Draw(t, "types") {
			s.EventTypes = append(s.EventTypes, webhooks.EventType{
				ID: uuid.New(), Name: "n", Code: id[0], Version: id[1], Schema: []byte(`{"type":"object","properties":{"a":{"enum":["x"]}}}`),
			})
		}
		open, async := newMade(t, catalog.OpenAPI(s, info)), newMade(t, catalog.AsyncAPI(s, info), jsonschema.Draft7)
		for m, place := range map[*made][]string{&open: {"webhooks"}, &async: {"components", "messages"}} {
			all, _ := m.at(place...).(map[string]any)
			if len(all) != len(s.EventTypes) {
				t.Fatalf("%d names for %d event types", len(all), len(s.EventTypes))
			}
			for name := range all {
				if !componentName.MatchString(name) {
					t.Fatalf("the name %q is not legal", name)
				}
			}
		}
		if keys := open.keys(t); len(keys) != len(s.EventTypes) {
			t.Fatalf("%d schemas of bodies for %d event types", len(keys), len(s.EventTypes))
		}
		if _, err := catalog.Go(s, info, ""); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEmbeddedSchemasGiveTheSameVerdict compares random schemas with themselves in the documents.
func TestEmbeddedSchemasGiveTheSameVerdict(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		schema, err := json.Marshal(randomSchema().Draw(t, "schema"))
		if err != nil {
			t.Fatal(err)
		}
		e := webhooks.EventType{ID: uuid.New(), Name: "n", Code: "a", Version: "v1", Schema: schema}
		s := webhooks.CatalogSnapshot{EventTypes: []webhooks.EventType{e}}
		alone := newMade(t, schema).schema(t, "")
		open := newMade(t, catalog.OpenAPI(s, info)).schema(t, "/components/schemas/a.v1.data")
		async := newMade(t, catalog.AsyncAPI(s, info), jsonschema.Draft7).schema(t, "/components/schemas/a.v1.data")
		for _, v := range rapid.SliceOfN(randomValue(3), 1, 20).Draw(t, "values") {
			want := alone.Validate(v) == nil
			if open.Validate(v) == nil != want || async.Validate(v) == nil != want {
				t.Fatalf("the schema alone accepts %v: %t; a document says the opposite\n%s", v, want, schema)
			}
		}
		if _, err := catalog.Go(s, info, ""); err != nil {
			t.Fatal(err)
		}
		catalog.Markdown(s, info)
	})
}

// names are the names of members and definitions: few, so that references and values meet them, and hard to
// write in a JSON Pointer.
var names = rapid.SampledFrom([]string{"a", "b/c", "d~e", "f %g", "", "$ref", "properties", "ä"})

// randomSchema makes schemas with references that lead to definitions, members and anchors.
func randomSchema() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		s := map[string]any{}
		if rapid.Bool().Draw(t, "hasID") {
			s["$id"] = "https://example.com/root"
		}
		definitions := map[string]any{}
		for i, name := range rapid.SliceOfNDistinct(names, 1, 3, rapid.ID[string]).Draw(t, "definitions") {
			d := subschema(2).Draw(t, "definition")
			d["$anchor"] = fmt.Sprintf("anchor%d", i)
			definitions[name] = d
		}
		properties := map[string]any{}
		for name := range definitions {
			token := strings.NewReplacer("~", "~0", "/", "~1", " ", "%20", "%", "%25", "ä", "%C3%A4").Replace(name)
			properties[name] = map[string]any{"$ref": rapid.SampledFrom([]string{"#/$defs/" + token, "#anchor0"}).Draw(t, "ref")}
		}
		if rapid.Bool().Draw(t, "recursive") {
			properties["again"] = map[string]any{"$ref": "#"}
		}
		s["$defs"], s["properties"], s["type"] = definitions, properties, "object"
		return s
	})
}

func subschema(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		s := map[string]any{}
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			s["type"] = rapid.SampledFrom([]any{"string", "integer", "boolean", "null", []any{"string", "null"}}).Draw(t, "type")
		case 1:
			s["enum"] = []any{"x", "y", 1, nil}[:rapid.IntRange(1, 4).Draw(t, "values")]
		case 2:
			s["type"], s["minItems"] = "array", 1
			if depth > 0 {
				s["items"] = subschema(depth-1).Draw(t, "items")
			}
		case 3:
			if depth > 0 {
				s["properties"] = map[string]any{names.Draw(t, "name"): subschema(depth-1).Draw(t, "property")}
				s["additionalProperties"] = rapid.SampledFrom([]any{true, false, map[string]any{"type": "string"}}).Draw(t, "more")
			}
		case 4:
			if depth > 0 {
				parts := []any{subschema(depth-1).Draw(t, "first"), subschema(depth-1).Draw(t, "second")}
				s[rapid.SampledFrom([]string{"anyOf", "oneOf", "allOf"}).Draw(t, "combine")] = parts
			}
		case 5:
			s["const"] = randomValue(1).Draw(t, "const")
			s["x-annotation"] = map[string]any{"$ref": "#/nowhere"}
		case 6:
			if depth > 0 {
				s["prefixItems"] = []any{subschema(depth-1).Draw(t, "prefix")}
				s["items"] = rapid.SampledFrom([]any{true, false, map[string]any{"type": "string"}}).Draw(t, "others")
			}
		case 7:
			s["dependentRequired"] = map[string]any{"ä": []any{""}}
			s["dependentSchemas"] = map[string]any{"b/c": map[string]any{"required": []any{"ä"}}}
		case 8:
			if depth > 0 {
				s["not"] = subschema(depth-1).Draw(t, "not")
			}
		}
		return s
	})
}

func randomValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return json.Number(fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "number")))
		case 3:
			return rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "text")
		case 4:
			return rapid.SliceOfN(randomValue(depth-1), 0, 3).Draw(t, "list")
		}
		members := map[string]any{}
		for _, n := range rapid.SliceOfNDistinct(rapid.OneOf(names, rapid.Just("again")), 0, 3, rapid.ID[string]).Draw(t, "names") {
			members[n] = randomValue(depth-1).Draw(t, "member")
		}
		return members
	})
}
