package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks"
)

var docsRoutes = group{
	tag: "Docs", description: "This interface, for machines and for people.",
	routes: []route{
		{
			method: http.MethodGet, path: "/api/openapi.json", access: open, handler: (*api).getOpenAPI,
			id: "getOpenAPI", beyond: true, summary: "Gets this document",
			answer: anyObject{},
		},
		{
			method: http.MethodGet, path: docsPath, access: open, handler: (*api).getDocs,
			id: "getDocs", beyond: true, summary: "Shows this document as a page",
			html: true,
		},
	},
}

//go:embed docs.html
var docsText string

//go:embed docs.css
var docsStyle string

var docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"prose": prose}).Parse(docsText))

// prose renders text between back quotes as code.
func prose(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) //nolint:gosec // escaped above
}

// docsPolicy lets the page load nothing and run nothing. The style is a part of the page.
var docsPolicy = func() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

func (a *api) getDocs(c *call) error {
	page := a.docs()
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	h.Set("Content-Security-Policy", docsPolicy)
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(page)
	return nil
}

// docsPage renders the description of the interface for people.
func (c Config) docsPage() []byte {
	s, credentials := c.newSchemas(), c.credentials()
	page := docsView{Version: webhooks.Version, Introduction: strings.Split(introduction, "\n\n")}
	page.Style = template.CSS(docsStyle) //nolint:gosec // the style is a part of the program
	for _, g := range c.groups() {
		view := docsGroup{Tag: g.tag, About: g.description}
		for _, r := range g.routes {
			view.Operations = append(view.Operations, docsOperationOf(s, r, credentials[0]))
		}
		page.Groups = append(page.Groups, view)
	}
	s.of(reflect.TypeFor[problem]())
	for name := range s.byName {
		view := docsSchema{Name: name, About: wordsOf(name, "").text}
		if t, ok := s.types[name]; ok {
			view.Members = members(s, t)
		} else {
			view.Type = typeText(s.byName[name])
		}
		page.Schemas = append(page.Schemas, view)
	}
	slices.SortFunc(page.Schemas, func(a, b docsSchema) int { return strings.Compare(a.Name, b.Name) })
	for _, accepted := range credentials {
		page.Credentials = append(page.Credentials, accepted.text)
	}
	var b bytes.Buffer
	if err := docsTemplate.Execute(&b, page); err != nil {
		panic(err) // the template does not fit the view
	}
	return b.Bytes()
}

type docsView struct {
	Version      string
	Style        template.CSS
	Introduction []string
	Credentials  []string
	Groups       []docsGroup
	Schemas      []docsSchema
}

type docsGroup struct {
	Tag, About string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Text, Differs string
	Beyond                                   bool
	Scopes                                   []string
	Query                                    []docsMember
	Body, Answer                             docsType
	Optional                                 bool
	Status                                   string
	Errors                                   []docsError
	Curl, Example                            string
}

// docsType is a type by its name, and whether it is a list of these.
type docsType struct {
	Name string
	Link bool
	List bool
}

type docsMember struct {
	Name, Text, Type string
	Link             string // the schema that it is of, if it is one
	Required, Beyond bool
}

type docsError struct {
	Status int
	Codes  []string
}

type docsSchema struct {
	Name, About string
	Type        string // of one without members
	Members     []docsMember
}

func docsOperationOf(s *schemas, r route, cred credential) docsOperation {
	o := docsOperation{
		ID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Text: r.details, Differs: r.differs,
		Beyond: r.beyond, Scopes: r.scopes(), Optional: r.bodyOptional,
		Status: strconv.Itoa(r.successStatus()) + " " + http.StatusText(r.successStatus()),
	}
	for _, p := range r.query {
		m := member{p.name, p.schema}
		o.Query = append(o.Query, docsMember{Name: p.name, Text: p.text, Type: typeText(m.value), Required: p.required, Beyond: p.beyond})
	}
	switch {
	case r.method == http.MethodPatch:
		o.Body = docsType{"PatchOperation", true, true}
		s.of(reflect.TypeFor[operationInput]())
	case r.body != nil:
		o.Body = typeOf(s, reflect.TypeOf(r.body))
	}
	if !r.html {
		o.Answer = typeOf(s, r.answerType())
		o.Example = pretty(s.example(r.answerType()))
	}
	for status, codes := range r.errors() {
		o.Errors = append(o.Errors, docsError{status, codes})
	}
	slices.SortFunc(o.Errors, func(a, b docsError) int { return a.Status - b.Status })
	o.Curl = curl(s, r, cred)
	return o
}

func typeOf(s *schemas, t reflect.Type) docsType {
	schema := s.of(t)
	if t.Kind() == reflect.Slice {
		return docsType{componentName(t.Elem()), true, true}
	}
	return docsType{Name: componentName(t), Link: len(schema) > 0 && schema[0].name == "$ref"}
}

// curl is a command that calls the route, with a credential.
func curl(s *schemas, r route, cred credential) string {
	path := pathParameter.ReplaceAllStringFunc(r.path, func(p string) string { return "$" + strings.Trim(p, "{}") })
	var query []string
	for _, p := range r.query {
		if !p.required {
			continue
		}
		v := "v1"
		for _, m := range p.schema {
			if values, ok := m.value.([]string); ok && m.name == "enum" {
				v = values[0]
			}
		}
		query = append(query, p.name+"="+v)
	}
	if r.access != open && cred.query != "" {
		query = append(query, cred.query)
	}
	if query != nil {
		path += "?" + strings.Join(query, "&")
	}
	text := "curl -sS"
	if r.method != http.MethodGet {
		text += " -X " + r.method
	}
	text += ` "$HOST` + path + `"`
	if r.access != open && cred.curl != "" {
		text += " \\\n  " + cred.curl
	}
	if !r.hasBody() {
		return text
	}
	body, err := encode(r.exampleBody(s))
	if err != nil {
		panic(err)
	}
	return text + " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + string(body) + "'"
}

// exampleBody returns an example of the request's body.
func (r route) exampleBody(s *schemas) any {
	if r.method != http.MethodPatch {
		return s.example(reflect.TypeOf(r.body))
	}
	path := "/description"
	if strings.HasPrefix(r.path, samplesPath) {
		path = "/payload/value"
	}
	return []any{object{{"op", "replace"}, {"path", path}, {"value", "72"}}}
}

func pretty(v any) string {
	text, err := encode(v)
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		panic(err)
	}
	return b.String()
}

// members lists the members of a component.
func members(s *schemas, t reflect.Type) []docsMember {
	var all []docsMember
	input := isInput(t)
	for _, f := range fields(t) {
		schema := s.field(f, input)
		m := docsMember{
			Name: f.name, Text: s.words(f.owner, f.name).text, Type: typeText(schema), Link: linkOf(schema),
			Required: f.Tag.Get("wire") == "required", Beyond: isBeyond(f.owner, f.name),
		}
		all = append(all, m)
	}
	return all
}

// typeText words a schema.
func typeText(v any) string {
	o, _ := v.(object)
	var parts []string
	for _, m := range o {
		switch m.name {
		case "$ref":
			return strings.TrimPrefix(m.value.(string), "#/components/schemas/")
		case "oneOf":
			var either []string
			for _, e := range m.value.([]object) {
				either = append(either, typeText(e))
			}
			return strings.Join(either, " or ")
		case "type":
			switch t := m.value.(type) {
			case string:
				parts = append(parts, t)
			case []string:
				parts = append(parts, strings.Join(t, " or "))
			}
		case "items":
			parts = append(parts, "of "+typeText(m.value))
		case "format":
			parts = append(parts, "("+m.value.(string)+")")
		case "enum":
			text, err := encode(m.value)
			if err == nil {
				parts = append(parts, strings.ReplaceAll(strings.Trim(string(text), "[]"), ",", ", "))
			}
		case "default":
			text, err := encode(m.value)
			if err == nil {
				parts = append(parts, "default "+string(text))
			}
		}
	}
	if parts == nil {
		return "any value"
	}
	return strings.Join(parts, " ")
}

// linkOf returns the component that a schema is, or is a list of, if it is one.
func linkOf(o object) string {
	for _, m := range o {
		switch v := m.value.(type) {
		case string:
			if m.name == "$ref" {
				return strings.TrimPrefix(v, "#/components/schemas/")
			}
		case object:
			if m.name == "items" {
				return linkOf(v)
			}
		case []object:
			if m.name == "oneOf" && len(v) == 2 && len(v[1]) == 1 && v[1][0].name == "type" {
				return linkOf(v[0])
			}
		}
	}
	return ""
}
