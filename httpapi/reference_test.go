package httpapi_test

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ecg-api/webhooks/httpapi"
)

//go:embed testdata/reference.txt
var referenceText string

// differences are the intended differences between the interface and the reference, each with its
// reason. An entry that is no difference any more fails the test.
var differences = map[string]string{
	"receiveSuccess: needs no token": "the sender of a webhook has none",
	"receiveFailure: needs no token": "the sender of a webhook has none",
	"receiveFailure: answers 500":    "the reference says 200, with which nothing fails",

	"patchCategory: body value is not required":      "remove, move and copy have no value (RFC 6902)",
	"patchEvent: body value is not required":         "as above",
	"patchSubscription: body value is not required":  "as above",
	"patchSamplePayload: body value is not required": "as above",
	"patchCategory: body from is more":               "move and copy have it",
	"patchEvent: body from is more":                  "as above",
	"patchSubscription: body from is more":           "as above",
	"patchSamplePayload: body from is more":          "as above",

	"getSamplePayload: answer name is missing":        "the reference shows a category here, an evident slip",
	"getSamplePayload: answer description is missing": "as above",
	"getSamplePayload: answer code is missing":        "as above",
	"getSamplePayload: answer archiveInfo is missing": "as above",
	"getSamplePayload: answer activeInfo is missing":  "as above",
	"getSamplePayload: answer event is more":          "what POST and PATCH answer with",
	"getSamplePayload: answer payload is more":        "as above",
	"getSamplePayload: answer version is more":        "as above",

	"getSamplePayloadExample: query type is not required": "it has a default in the reference, too",
	"makePayload: body version is free":                   "the reference knows v1 and v2 alone; here versions are the catalog's",
}

// referenced is an operation as the reference has it.
type referenced struct {
	tag, method, path, status string
	open                      bool
	query, body, answer       []named
	array                     bool // the items of the answer are not shown
}

// named is a parameter or a member.
type named struct {
	name     string
	required bool
	oneOf    []string
	without  string // the default
}

var namedForm = regexp.MustCompile(`^(\w+)(!?)(?:\(([^)]+)\))?(?:=(\w+))?$`)

func parseReference(t *testing.T) (all []referenced, tags []string) {
	t.Helper()
	for line := range strings.Lines(referenceText) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		switch rest := words[1:]; words[0] {
		case "=":
			tags = append(tags, rest[0])
		case "open":
			all[len(all)-1].open = true
		case "query":
			all[len(all)-1].query = parseNamed(t, rest)
		case "body":
			all[len(all)-1].body = parseNamed(t, rest)
		case "answer":
			all[len(all)-1].answer = parseNamed(t, rest)
			all[len(all)-1].array = rest[0] == "[]"
		default:
			all = append(all, referenced{tag: tags[len(tags)-1], method: words[0], path: words[1], status: words[2]})
		}
	}
	return all, tags
}

func parseNamed(t *testing.T, words []string) (all []named) {
	t.Helper()
	for _, word := range words {
		if word == "[]" {
			continue
		}
		m := namedForm.FindStringSubmatch(word)
		if m == nil {
			t.Fatalf("reference.txt: %q", word)
		}
		n := named{name: m[1], required: m[2] != "", without: m[4]}
		if m[3] != "" {
			n.oneOf = strings.Split(m[3], "|")
		}
		all = append(all, n)
	}
	return all
}

// TestReference finds the whole published reference in the document. All further operations and
// members are marked as beyond the reference.
func TestReference(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	all, tags := parseReference(t)
	for i, tag := range tags {
		if doc.Tags[i].Name != tag {
			t.Errorf("tag %d is %s, want %s", i, doc.Tags[i].Name, tag)
		}
	}
	found := map[string]bool{}
	known := map[string]bool{}
	for _, want := range all {
		known[want.method+" "+want.path] = true
		item := doc.Paths.Value(want.path)
		if item == nil || item.GetOperation(want.method) == nil {
			t.Errorf("%s %s is not there", want.method, want.path)
			continue
		}
		operation := item.GetOperation(want.method)
		for _, difference := range want.compare(operation) {
			difference = operation.OperationID + ": " + difference
			found[difference] = true
			if _, meant := differences[difference]; !meant {
				t.Errorf("%s (%s %s)", difference, want.method, want.path)
			}
		}
	}
	for difference := range differences {
		if !found[difference] {
			t.Errorf("it is no more that %s", difference)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if beyond := isBeyond(operation.Extensions); beyond == known[method+" "+path] {
				t.Errorf("%s %s is beyond the reference: %v", method, path, beyond)
			}
		}
	}
}

// compare says how the document differs from the reference.
func (r referenced) compare(o *openapi3.Operation) (differences []string) {
	add := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	if len(o.Tags) != 1 || o.Tags[0] != r.tag {
		add("tags %v", o.Tags)
	}
	if open := o.Security != nil && len(*o.Security) == 0; open && !r.open {
		add("needs no token")
	} else if !open && r.open {
		add("needs a token")
	}
	documented := slices.DeleteFunc(slices.Sorted(maps.Keys(o.Responses.Map())), func(status string) bool {
		response := o.Responses.Value(status)
		return response.Ref != "" || r.path == "/healthcheck" && status == "503" || strings.HasSuffix(status, "XX")
	})
	if !slices.Equal(documented, []string{r.status}) {
		add("answers %s", strings.Join(documented, ", "))
	}
	query := map[string]documentedName{}
	for _, p := range o.Parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			query[p.Value.Name] = documentedName{p.Value.Required, isBeyond(p.Value.Extensions), p.Value.Schema.Value}
		}
	}
	differences = append(differences, compareNames("query", r.query, query)...)
	if (o.RequestBody != nil) != (r.body != nil) {
		add("takes a body: %v", o.RequestBody != nil)
	} else if r.body != nil {
		differences = append(differences, compareNames("body", r.body, membersOf(o.RequestBody.Value.Content))...)
	}
	if r.answer == nil && !r.array {
		return differences // it shows none
	}
	answer := o.Responses.Value(documented[0]).Value.Content
	if array := answer.Get("application/json").Schema.Value.Type.Is("array"); array != r.array {
		add("answers with an array: %v", array)
	} else if !array {
		for i := range r.answer {
			r.answer[i].required = true // an answer has all of its members
		}
		differences = append(differences, compareNames("answer", r.answer, membersOf(answer))...)
	}
	return differences
}

func isBeyond(extensions map[string]any) bool {
	beyond, _ := extensions["x-beyond"].(bool)
	return beyond
}

// documentedName is a parameter or a member in the document.
type documentedName struct {
	required, beyond bool
	schema           *openapi3.Schema
}

// membersOf returns the members of a JSON body, or of its items.
func membersOf(content openapi3.Content) map[string]documentedName {
	schema := content.Get("application/json").Schema.Value
	if schema.Type.Is("array") {
		schema = schema.Items.Value
	}
	members := map[string]documentedName{}
	for name, m := range schema.Properties {
		beyond := isBeyond(m.Value.Extensions) || isBeyond(m.Extensions)
		members[name] = documentedName{slices.Contains(schema.Required, name), beyond, m.Value}
	}
	return members
}

func compareNames(kind string, want []named, got map[string]documentedName) (differences []string) {
	add := func(name, how string) { differences = append(differences, kind+" "+name+" "+how) }
	for _, w := range want {
		g, ok := got[w.name]
		delete(got, w.name)
		switch {
		case !ok:
			add(w.name, "is missing")
			continue
		case g.beyond:
			add(w.name, "is said to be beyond")
		case w.required && !g.required:
			add(w.name, "is not required")
		case g.required && !w.required:
			add(w.name, "is required")
		}
		schema := g.schema
		if schema.Type.Is("array") {
			schema = schema.Items.Value
		}
		for _, word := range w.oneOf {
			if schema.Enum == nil {
				add(w.name, "is free")
				break
			}
			if !slices.Contains(schema.Enum, any(word)) {
				add(w.name, "is never "+word)
			}
		}
		if w.without != "" && fmt.Sprint(g.schema.Default) != w.without {
			add(w.name, "is "+fmt.Sprint(g.schema.Default)+" by default")
		}
	}
	for name, g := range got {
		if !g.beyond {
			add(name, "is more")
		}
	}
	return differences
}
