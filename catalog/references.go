package catalog

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Where JSON Schema 2020-12 has schemas: as the value of a keyword, as the members of its value,
// and as the items of its value.
var (
	schemaKeywords = []string{
		"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else",
		"unevaluatedItems", "unevaluatedProperties", "contentSchema",
	}
	memberKeywords = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
	itemKeywords   = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
)

// plainKeywords are the other keywords that are kept.
var plainKeywords = []string{
	"type", "enum", "const", "required", "dependentRequired", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
	"exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
	"maxProperties", "minProperties", "format", "contentEncoding", "contentMediaType", "title", "description", "default",
	"deprecated", "readOnly", "writeOnly", "examples", "$comment",
}

const (
	metaSchema  = "https://json-schema.org/draft/2020-12/schema"
	defaultBase = "https://schema.invalid/"
)

// document is a schema that can be referred to.
type document struct {
	root    any
	visited map[string]bool   // JSON Pointers of the schemas that were walked
	places  map[string]string // a URI of a schema, and its JSON Pointer
	targets []target
	kept    map[string]bool // JSON Pointers of the targets, and of all values around them
	many    bool            // several schemas have an $id of their own
}

// target is a schema that a reference leads to.
type target struct{ pointer, base string }

// newDocument reads a schema. A text that is none is the schema that accepts every value.
func newDocument(text []byte) *document {
	root, err := parse(text)
	if err != nil {
		root = true
	}
	d := &document{root: root, visited: map[string]bool{}, places: map[string]string{defaultBase: ""}, kept: map[string]bool{}}
	d.visit(root, "", defaultBase)
	for i := 0; i < len(d.targets); i++ { //nolint:intrange // visit adds targets
		if to, ok := d.at(d.targets[i].pointer); ok {
			d.visit(to, d.targets[i].pointer, d.targets[i].base)
		}
		for at := d.targets[i].pointer; at != "" && !d.kept[at]; at = at[:strings.LastIndexByte(at, '/')] {
			d.kept[at] = true
		}
	}
	return d
}

// visit notes the URIs of a schema and of its subschemas.
func (d *document) visit(v any, pointer, base string) {
	o, ok := v.(object)
	if !ok || d.visited[pointer] {
		return
	}
	d.visited[pointer] = true
	if o.has("$id") {
		d.many = d.many || pointer != ""
		base = o.base(base)
		d.places[base] = pointer
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if anchor, ok := o.get(keyword).(string); ok {
			d.places[base+"#"+anchor] = pointer
		}
	}
	eachSubschema(o, func(at string, sub any) any {
		d.visit(sub, pointer+at, base)
		return nil
	})
	for _, keyword := range []string{"$ref", "$dynamicRef"} {
		if ref, ok := o.get(keyword).(string); ok {
			if at, ok := d.find(ref, base); ok {
				d.targets = append(d.targets, target{at, base})
			}
		}
	}
}

// base returns the URI from which the references of a schema start, given that of the schema around
// it.
func (o object) base(outer string) string {
	if id, ok := o.get("$id").(string); ok {
		return strings.TrimSuffix(resolve(outer, id), "#")
	}
	return outer
}

// find returns the JSON Pointer to which a reference leads.
func (d *document) find(ref, base string) (string, bool) {
	whole := resolve(base, ref)
	resource, fragment, _ := strings.Cut(whole, "#")
	if fragment, err := url.PathUnescape(fragment); err == nil && (fragment == "" || fragment[0] == '/') {
		place, ok := d.places[resource]
		return place + fragment, ok
	}
	place, ok := d.places[whole]
	return place, ok
}

func resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	r, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return r.String()
}

// at returns the value at a JSON Pointer.
func (d *document) at(pointer string) (any, bool) {
	v := d.root
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch parent := v.(type) {
		case object:
			if !parent.has(token) {
				return nil, false
			}
			v = parent.get(token)
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(parent) {
				return nil, false
			}
			v = parent[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// places gives the parts of a schema their places in another document.
type places struct {
	root        string            // the place of the schema, a URI fragment
	definitions map[string]string // places of the schemas directly in $defs, by JSON Pointer
}

// of returns the place of a part.
func (p places) of(pointer string) string {
	if rest, ok := strings.CutPrefix(pointer, "/$defs/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		if place, ok := p.definitions["/$defs/"+name]; ok {
			return place + (&url.URL{Fragment: rest[len(name):]}).EscapedFragment()
		}
	}
	return p.root + (&url.URL{Fragment: pointer}).EscapedFragment()
}

// definitions returns the names of the schemas directly in $defs.
func (d *document) definitions() []string {
	o, _ := d.root.(object)
	all, _ := o.get("$defs").(object)
	var names []string
	for _, m := range all {
		names = append(names, m.name)
	}
	return names
}

// embed returns the schema as a part of a document, without the definitions that have a place of their
// own.
func (d *document) embed(p places) object {
	schema := d.rewrite(d.root, "", defaultBase, p)
	if o, ok := schema.(object); ok {
		schema = slices.DeleteFunc(o, func(m member) bool { return m.name == "$defs" })
	}
	return asObject(schema)
}

// embedDefinition returns a schema of $defs as a part of a document.
func (d *document) embedDefinition(name string, p places) object {
	o, _ := d.root.(object)
	all, _ := o.get("$defs").(object)
	return asObject(d.rewrite(all.get(name), "/$defs/"+escape(name), o.base(defaultBase), p))
}

// asObject returns a schema in the form of an object. Many programs take no other component.
func asObject(schema any) object {
	switch s := schema.(type) {
	case object:
		return s
	case bool:
		if !s {
			return object{{"not", object{}}}
		}
	}
	return object{}
}

func (d *document) rewrite(v any, pointer, base string, p places) any {
	o, ok := v.(object)
	if !ok {
		if _, ok := v.(bool); !ok {
			return true
		}
		return v
	}
	base = o.base(base)
	rewritten := map[string]any{}
	eachSubschema(o, func(at string, sub any) any { return d.rewrite(sub, pointer+at, base, p) }, rewritten)
	out := object{}
	for _, m := range o {
		at := pointer + "/" + escape(m.name)
		switch value, isSchema := rewritten[m.name]; {
		case m.name == "$ref" || m.name == "$dynamicRef":
		case isSchema:
			out = append(out, member{m.name, value})
		case slices.Contains(plainKeywords, m.name):
			if !holdsReference(m.value) {
				out = append(out, m)
			}
		case d.kept[at]:
			out = append(out, member{m.name, d.rewriteUnknown(m.value, at, base, p)})
		}
	}
	for _, keyword := range []string{"$ref", "$dynamicRef"} {
		if ref, ok := o.get(keyword).(string); ok && (keyword == "$ref" || !d.many) {
			out = d.refer(out, ref, base, p)
		}
	}
	return out
}

// holdsReference reports whether a value, which is data, looks like a reference: many programs
// would load the document that it names.
func holdsReference(v any) bool {
	switch v := v.(type) {
	case object:
		_, isText := v.get("$ref").(string)
		return isText || slices.ContainsFunc(v, func(m member) bool { return holdsReference(m.value) })
	case []any:
		return slices.ContainsFunc(v, holdsReference)
	}
	return false
}

// refer adds a reference to a schema: as $ref, or in allOf beside another $ref.
func (d *document) refer(out object, ref, base string, p places) object {
	at, ok := d.find(ref, base)
	switch {
	case ok && !out.has("$ref"):
		return append(object{{"$ref", p.of(at)}}, out...)
	case ok: // the two keywords of one schema
		return out.also(object{{"$ref", p.of(at)}})
	case !strings.HasPrefix(resolve(base, ref), metaSchema):
		return out
	case !out.has("type"):
		return append(out, member{"type", []any{"object", "boolean"}})
	}
	return out.also(object{{"type", []any{"object", "boolean"}}})
}

// also adds a schema to allOf.
func (o object) also(schema object) object {
	for i, m := range o {
		if list, ok := m.value.([]any); ok && m.name == "allOf" {
			o[i].value = append(list, schema)
			return o
		}
	}
	return append(o, member{"allOf", []any{schema}})
}

// rewriteUnknown rewrites the schemas that references find below an unknown keyword.
func (d *document) rewriteUnknown(v any, pointer, base string, p places) any {
	if d.visited[pointer] {
		return d.rewrite(v, pointer, base, p)
	}
	switch v := v.(type) {
	case object:
		out := object{}
		for _, m := range v {
			out = append(out, member{m.name, d.rewriteUnknown(m.value, pointer+"/"+escape(m.name), base, p)})
		}
		return out
	case []any:
		out := []any{}
		for i, item := range v {
			out = append(out, d.rewriteUnknown(item, pointer+"/"+strconv.Itoa(i), base, p))
		}
		return out
	}
	return v
}

// eachSubschema calls do with each schema directly in a schema, and its relative JSON Pointer. If
// results is given, it gets the value of each keyword with the results of do in place of the
// schemas.
func eachSubschema(o object, do func(at string, sub any) any, results ...map[string]any) {
	for _, m := range o {
		at := "/" + escape(m.name)
		var result any
		switch members, _ := m.value.(object); {
		case slices.Contains(schemaKeywords, m.name):
			result = do(at, m.value)
		case slices.Contains(memberKeywords, m.name):
			mapped := object{}
			for _, sub := range members {
				mapped = append(mapped, member{sub.name, do(at+"/"+escape(sub.name), sub.value)})
			}
			result = mapped
		case slices.Contains(itemKeywords, m.name):
			items, _ := m.value.([]any)
			mapped := []any{}
			for i, sub := range items {
				mapped = append(mapped, do(at+"/"+strconv.Itoa(i), sub))
			}
			result = mapped
		default:
			continue
		}
		for _, r := range results {
			r[m.name] = result
		}
	}
}

// escape returns a token of a JSON Pointer.
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
