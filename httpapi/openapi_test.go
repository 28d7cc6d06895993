package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ecg-api/webhooks/httpapi"
)

// documented is the OpenAPI document, as validators read it.
type documented struct {
	router routers.Router
	schema func(place string) (*jsonschema.Schema, error) // at a JSON Pointer in the document
}

var document = sync.OnceValues(func() (documented, error) { return readDocument(httpapi.OpenAPI()) })

func readDocument(text []byte) (d documented, err error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return d, err
	}
	doc.Servers = nil // the requests of tests have no prefix
	if d.router, err = legacy.NewRouter(doc); err != nil {
		return d, err
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return d, err
	}
	const name = "urn:openapi"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, whole); err != nil {
		return d, err
	}
	var mu sync.Mutex
	known := map[string]*jsonschema.Schema{}
	d.schema = func(place string) (*jsonschema.Schema, error) {
		mu.Lock()
		defer mu.Unlock()
		if known[place] == nil {
			compiled, err := compiler.Compile(name + "#" + place)
			if err != nil {
				return nil, err
			}
			known[place] = compiled
		}
		return known[place], nil
	}
	return d, nil
}

// emptyTime finds parameters for times that are empty. They are read as absent, which is more than the
// document promises.
var emptyTime = regexp.MustCompile(`\b(from|to|createdAt)=(&|$)`)

// conforms checks a request and its answer against the document: an answer always, a
// request if it succeeded. The bodies are checked by the schemas where they stand in
// the document: kin-openapi falls back to the rules of OpenAPI 3.0 for schemas with
// references.
func (f *fixture) conforms(r *http.Request, body string, w *httptest.ResponseRecorder) {
	f.Helper()
	d, err := f.document()
	if err != nil {
		f.Fatal(err)
	}
	// Validators do not know that include=a,b means include=a&include=b.
	r.URL.RawQuery = strings.NewReplacer(
		"subscription,event", "subscription&include=event", "event%2Csubscription", "event&include=subscription", "event,subscription",
		"event&include=subscription",
	).Replace(r.URL.RawQuery)
	r.URL.RawQuery = emptyTime.ReplaceAllString(r.URL.RawQuery, "")
	route, params, err := d.router.FindRoute(r)
	switch {
	case strings.HasPrefix(r.URL.Path, "/hooks/"): // mounted elsewhere
		return
	case err == nil && w.Code == http.StatusNotFound && !strings.Contains(route.Path, "{"): // spelled in an odd way
		return
	}
	if err != nil { // an unknown path, or a method that the path does not take
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed && r.Method != http.MethodHead &&
			r.Method != http.MethodOptions {
			f.Errorf("%s %s answers %d and is not documented", r.Method, r.URL.Path, w.Code)
		}
		return
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, ExcludeRequestBody: true,
		ExcludeResponseBody: true,
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	place := "/paths/" + escaped(route.Path) + "/" + strings.ToLower(r.Method)
	if w.Code < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), request); err != nil {
			f.Errorf("%s %s succeeded against the document: %v\n%s", r.Method, r.URL, err, body)
		}
		if op := route.Operation; op.RequestBody != nil && (body != "" || op.RequestBody.Value.Required) {
			f.matches(d, place+"/requestBody/content/application~1json/schema", body, "the request of "+r.Method+" "+route.Path)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: w.Code, Header: w.Header(), Options: options}
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		f.Errorf("%s %s answers against the document: %v\n%s", r.Method, r.URL, err, w.Body)
	}
	responses := route.Operation.Responses
	status := strconv.Itoa(w.Code)
	response := responses.Value(status)
	if response == nil {
		status = status[:1] + "XX"
		if response = responses.Value(status); response == nil {
			f.Errorf("%s %s answers %d, which is not documented: %s", r.Method, route.Path, w.Code, w.Body)
			return
		}
	}
	mediaType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	if response.Value.Content.Get(mediaType) == nil {
		f.Errorf("%s %s answers %d with %s, which is not documented", r.Method, route.Path, w.Code, mediaType)
		return
	}
	if mediaType == "text/html" {
		return
	}
	place += "/responses/" + status
	if response.Ref != "" {
		place = strings.TrimPrefix(response.Ref, "#")
	}
	f.matches(d, place+"/content/"+escaped(mediaType)+"/schema", w.Body.String(), "the answer "+status+" of "+r.Method+" "+route.Path)
}

// matches checks a JSON text against the schema at a place in the document.
func (f *fixture) matches(d documented, place, text, what string) {
	f.Helper()
	schema, err := d.schema(place)
	if err != nil {
		f.Fatalf("%s: %v", place, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		f.Errorf("%s is not as documented: %v\n%s", what, err, text)
	}
}

func escaped(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(token)
}

var update = flag.Bool("update", false, "write the OpenAPI document to "+goldenDocument)

const goldenDocument = "testdata/openapi.json"

// The OpenAPI document is a public format: each change of it is seen in the diff of a file.
//
//	go test ./httpapi -run TestOpenAPIDocument -update
func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	got := httpapi.OpenAPI()
	if *update {
		if err := os.WriteFile(goldenDocument, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenDocument)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.SplitAfter(string(got), "\n"), strings.SplitAfter(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("line %d of the document is\n%swant\n%sif that is intended, run the test with -update", i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Fatalf("the document has %d lines, want %d; if that is intended, run the test with -update", len(gotLines), len(wantLines))
	}
}

func TestOpenAPIIsValidAndComplete(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	var routed, described []string
	for _, r := range httpapi.Routes() {
		routed = append(routed, r.Method+" "+r.Path)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described = append(described, method+" "+path)
			if operation.OperationID == "" || ids[operation.OperationID] || operation.Summary == "" || len(operation.Tags) != 1 {
				t.Errorf("%s %s has id %q, summary %q, tags %v", method, path, operation.OperationID, operation.Summary, operation.Tags)
			}
			ids[operation.OperationID] = true
		}
	}
	slices.Sort(routed)
	slices.Sort(described)
	if !slices.Equal(routed, described) {
		t.Errorf("routes\n%s\noperations\n%s", strings.Join(routed, "\n"), strings.Join(described, "\n"))
	}
}

// Every documented operation is really there: without a token it asks for one, or it
// needs none.
func TestDocumentedOperationsAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stores["memory"](t))
	var doc struct {
		Paths map[string]map[string]struct {
			Security *[]any
		}
	}
	if err := json.Unmarshal([]byte(withoutPathParameters(t, httpapi.OpenAPI())), &doc); err != nil {
		t.Fatal(err)
	}
	for path, operations := range doc.Paths {
		for method, operation := range operations {
			for _, name := range []string{
				"organizationId", "webhookCategoryId", "webhookEventId", "subscriptionId", "eventId", "activityId", "activationId", "recoveryId",
				"erasureId",
			} {
				path = strings.ReplaceAll(path, "{"+name+"}", orgA)
			}
			path = strings.ReplaceAll(path, "{eventCode}", "vitals.measured")
			w := f.send(step{do: strings.ToUpper(method) + " " + path})
			open := operation.Security != nil
			if open == (w.Code == http.StatusUnauthorized) || w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed {
				t.Errorf("%s %s without a token answers %d; documented as open: %v", method, path, w.Code, open)
			}
		}
	}
}

// withoutPathParameters drops the parameters of a path, which stand beside its operations.
func withoutPathParameters(t *testing.T, text []byte) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, item := range doc["paths"].(map[string]any) {
		delete(item.(map[string]any), "parameters")
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestDocs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stores["memory"](t))
	w := f.send(step{do: "GET /docs"})
	page := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", policy)
	}
	for _, loads := range []string{"<script", "<link", "<img", "src=", "@import", "url("} {
		if strings.Contains(page, loads) {
			t.Errorf("the page has %s: it must load nothing", loads)
		}
	}
	for _, r := range httpapi.Routes() {
		if !strings.Contains(page, `<span class="method `+r.Method+`">`+r.Method+`</span><code>`+r.Path+`</code>`) {
			t.Errorf("%s %s is not on the page", r.Method, r.Path)
		}
	}
	for part := range strings.SplitSeq(page, `href="#`) {
		id, _, _ := strings.Cut(part, `"`)
		if !strings.HasPrefix(part, "<!doctype") && !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("a link leads to %q, which is not there", id)
		}
	}
}
