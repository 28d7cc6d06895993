package httpapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks"
)

// OpenAPI returns the OpenAPI 3.1 document of the interface with the default [Config], and with
// [Config].PortalLinks. GET /api/openapi.json returns that of the actual one.
func OpenAPI() []byte { return Config{PortalLinks: struct{ PortalLinks }{}}.withDefaults().openAPI() }

// openAPI makes the document from the table of routes and the types that they decode
// and answer with.
func (c Config) openAPI() []byte {
	compact, err := encode(c.describe())
	if err != nil {
		panic(err) // an example in the vocabulary is no JSON
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		panic(err)
	}
	return append(b.Bytes(), '\n')
}

func (a *api) getOpenAPI(c *call) error { return c.send(http.StatusOK, a.openAPI()) }

var introduction = "Offers webhooks to customers: a catalog of event types, subscriptions per organization, signed delivery with " +
	"retries, " +
	"and the history of every attempt.\n\nErrors are `application/problem+json` (RFC 9457); switch on `code`. Lists count pages: `skip` " +
	"is how many to pass over, " +
	"`take` the size of one; a page has at most " + mebibytes(maxPage) +
	". PATCH is JSON Patch (RFC 6902), all operations or none. Single resources carry an `ETag`; `If-Match` makes a change conditional. " +
	"What the published reference of the ECG Webhooks Module API does not have is marked `x-beyond`."

func (c Config) describe() object {
	s := c.newSchemas()
	routes := c.routes()
	paths := pathsOf(s, routes)
	var tags []object
	for _, g := range c.groups() {
		tags = append(tags, object{{"name", g.tag}, {"description", g.description}})
	}
	responses := errorResponses(s, routes)
	var components object
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		components = append(components, member{name, s.byName[name]})
	}
	var security []object // any one of them
	for _, name := range slices.Sorted(maps.Keys(c.SecuritySchemes)) {
		security = append(security, object{{name, []string{}}})
	}
	return object{
		{"openapi", "3.1.0"},
		{"info", object{
			{"title", "ECG Webhooks Module API"},
			{"version", webhooks.Version},
			{"description", introduction},
			{"license", object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
		}},
		{"servers", []object{{{"url", ".."}, {"description", "Where this document was read from"}}}},
		{"security", security},
		{"tags", tags},
		{"paths", paths},
		{"components", object{
			{"securitySchemes", c.SecuritySchemes},
			{"parameters", sharedParameters()},
			{"responses", responses},
			{"schemas", components},
		}},
	}
}

const scopeText = "webhooks:read (read), webhooks:manage (subscriptions), webhooks:write (subscriptions, publish, payloads), " +
	"webhooks:secrets (signing secrets), webhooks:catalog (the catalog), webhooks:admin (everything, everywhere)."

// pathsOf describes the routes by path. The paths are in the order of the table.
func pathsOf(s *schemas, routes []route) object {
	var paths object
	indexOf := map[string]int{}
	for _, r := range routes {
		i, ok := indexOf[r.path]
		if !ok {
			i = len(paths)
			indexOf[r.path] = i
			paths = append(paths, member{r.path, pathItem(s, r)})
		}
		item, _ := paths[i].value.(object)
		paths[i].value = append(item, member{strings.ToLower(r.method), operationOf(s, r)})
	}
	return paths
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// pathItem begins the description of a path with its parameters.
func pathItem(s *schemas, r route) object {
	var all []object
	for _, m := range pathParameter.FindAllStringSubmatch(r.path, -1) {
		schema := s.of(uuidType)
		switch {
		case m[1] == organizationParameter:
			schema = s.organization()
		case !strings.HasSuffix(m[1], "Id"):
			schema = object{{"type", "string"}}
		}
		all = append(all, object{{"name", m[1]}, {"in", "path"}, {"required", true}, {"schema", schema}})
	}
	if all == nil {
		return object{}
	}
	return object{{"parameters", all}}
}

func sharedParameters() object {
	header := func(name, text string) member {
		key := strings.ReplaceAll(name, "-", "")
		return member{key, object{{"name", name}, {"in", "header"}, {"description", text}, {"schema", object{{"type", "string"}}}}}
	}
	return object{
		header("If-Match", "An ETag that was answered: the change is made only if the resource still has it."),
		header(
			"Idempotency-Key", "As the member idempotencyKey. In a batch, an event without a key of its own has this one, a slash and its place.",
		),
		header("X-Request-Id", "At most 128 of letters, digits and - . _ : / + = @; otherwise one is made. It comes back, and is in the log."),
	}
}

func operationOf(s *schemas, r route) object {
	o := object{
		{"operationId", r.id}, {"tags", []string{r.tag}}, {"summary", r.summary},
	}
	if text := r.text(); text != "" {
		o = append(o, member{"description", text})
	}
	if r.beyond {
		o = append(o, member{"x-beyond", true})
	}
	if r.access == open {
		o = append(o, member{"security", []object{}})
	} else {
		o = append(o, member{"x-scopes", r.scopes()})
	}
	var parameters []object
	for _, p := range r.query {
		parameters = append(parameters, p.describe())
	}
	shared := func(name string) object { return object{{"$ref", "#/components/parameters/" + name}} }
	if r.conditional() {
		parameters = append(parameters, shared("IfMatch"))
	}
	if r.idempotencyKey {
		parameters = append(parameters, shared("IdempotencyKey"))
	}
	o = append(o, member{"parameters", append(parameters, shared("XRequestId"))})
	if body := r.requestBody(s); body != nil {
		o = append(o, member{"requestBody", body})
	}
	return append(o, member{"responses", r.responses(s)})
}

// text is the description of the route.
func (r route) text() string {
	var parts []string
	if r.details != "" {
		parts = append(parts, r.details)
	}
	if r.differs != "" {
		parts = append(parts, "Differs: "+r.differs)
	}
	if r.access != open {
		parts = append(parts, "Needs one of the scopes "+strings.Join(r.scopes(), ", ")+".")
	}
	return strings.Join(parts, "\n\n")
}

func (p param) describe() object {
	o := object{{"name", p.name}, {"in", "query"}, {"description", p.text}}
	if p.required {
		o = append(o, member{"required", true})
	}
	o = append(o, member{"schema", p.schema})
	if p.repeated {
		o = append(o, member{"style", "form"}, member{"explode", true})
	}
	if p.beyond {
		o = append(o, member{"x-beyond", true})
	}
	return o
}

func (r route) requestBody(s *schemas) object {
	if r.method == http.MethodPatch {
		patch := s.add("Patch", object{{"type", "array"}, {"maxItems", maxOperations}, {"items", s.of(reflect.TypeFor[operationInput]())}})
		content := object{{"schema", patch}}
		return object{{"required", true}, {"content", object{{"application/json", content}, {"application/json-patch+json", content}}}}
	}
	if r.body == nil {
		return nil
	}
	return object{{"required", !r.bodyOptional}, {"content", object{{"application/json", object{{"schema", s.of(reflect.TypeOf(r.body))}}}}}}
}

func (r route) responses(s *schemas) object {
	content := object{{"application/json", object{{"schema", s.of(r.answerType())}}}}
	if r.html {
		content = object{{"text/html", object{{"schema", object{{"type", "string"}}}}}}
	}
	var headers object
	if r.tagged() {
		headers = object{{"ETag", object{{"description", "Changes with the resource."}, {"schema", object{{"type", "string"}}}}}}
	}
	answer := object{{"description", http.StatusText(r.successStatus())}}
	if headers != nil {
		answer = append(answer, member{"headers", headers})
	}
	answer = append(answer, member{"content", content})
	byStatus := map[string]object{strconv.Itoa(r.successStatus()): answer}
	for _, o := range r.otherAnswers {
		byStatus[o.status] = object{{"description", o.description}, {"content", content}}
	}
	for status, codes := range r.errors() {
		byStatus[strconv.Itoa(status)] = object{{"$ref", "#/components/responses/" + errorName(status, codes)}}
	}
	var all object
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		all = append(all, member{status, byStatus[status]})
	}
	return all
}

// errorName names the response to the errors with the codes.
func errorName(status int, codes []string) string {
	return strconv.Itoa(status) + "-" + strings.Join(codes, "-")
}

// errorResponses describes all errors of the routes.
func errorResponses(s *schemas, routes []route) object {
	all := map[string]object{}
	for _, r := range routes {
		for status, codes := range r.errors() {
			schema := s.problem(codes)
			o := object{{"description", http.StatusText(status) + ": " + strings.Join(codes, ", ")}}
			if h := errorHeaders[status]; h != "" {
				o = append(o, member{"headers", object{{h, object{{"schema", object{{"type", "string"}}}}}}})
			}
			all[errorName(status, codes)] = append(o, member{"content", object{{"application/problem+json", object{{"schema", schema}}}}})
		}
	}
	var sorted object
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, member{name, all[name]})
	}
	return sorted
}

// problem returns a reference to the component of problems with one of the codes.
func (s *schemas) problem(codes []string) object {
	var name strings.Builder
	name.WriteString("Problem")
	for word := range strings.FieldsFuncSeq(strings.Join(codes, "_"), func(r rune) bool { return r == '_' }) {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	code := object{{"type", "string"}, {"enum", codes}}
	return s.add(name.String(), object{{"allOf", []object{
		s.of(reflect.TypeFor[problem]()),
		{{"type", "object"}, {"properties", object{{"code", code}}}},
	}}})
}

// errorHeaders are the headers that go with errors.
var errorHeaders = map[int]string{401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
