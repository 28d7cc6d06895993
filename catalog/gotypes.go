package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// goType is the type of a schema's values.
type goType struct {
	text     string // the expression
	nilable  bool   // its zero value is nil: a slice or map
	nullable bool   // the schema accepts null
	open     bool   // a struct that is not complete yet: a field needs a pointer to it
}

// rawType keeps every value as it is.
var rawType = goType{text: "json.RawMessage", nilable: true}

// maxSteps bounds the schemas that are visited for the types of one schema. All further
// schemas have rawType.
const maxSteps = 10_000

// goSchema makes the types of one schema.
type goSchema struct {
	*goFile
	*document
	types  map[string]goType // by the JSON Pointer of the schema
	active map[string]bool   // the JSON Pointers of the schemas that are being visited
	steps  int
}

// node is a schema in the document.
type node struct {
	value         any
	pointer, base string
}

// sub returns a schema in a schema.
func (n node) sub(v any, tokens ...string) node {
	for _, t := range tokens {
		n.pointer += "/" + escape(t)
	}
	n.value = v
	return n
}

// follow returns the schema to which a reference in the schema leads.
func (g *goSchema) follow(n node, ref string) (node, bool) {
	at, ok := g.find(ref, n.base)
	if !ok {
		return n, false
	}
	to, ok := g.at(at)
	return node{to, at, n.base}, ok
}

// typeOf returns the type of a schema. A type that needs a name is called as wanted.
func (g *goSchema) typeOf(n node, want string) goType {
	o, ok := n.value.(object)
	if t, known := g.types[n.pointer]; known {
		return t
	}
	if g.steps++; !ok || g.active[n.pointer] || g.steps > maxSteps {
		return rawType
	}
	g.active[n.pointer] = true
	t := g.typeOfObject(n, o, want)
	delete(g.active, n.pointer)
	if !t.open {
		g.types[n.pointer] = t
	}
	return t
}

func (g *goSchema) typeOfObject(n node, o object, want string) goType {
	n.base = o.base(n.base)
	if alone, ok := g.alone(n, o); ok {
		return g.typeOf(alone, want)
	}
	if other, ok := orNull(n, o); ok {
		t := g.typeOf(other, want)
		t.nullable = true
		return t
	}
	if branches(o) {
		return rawType
	}
	if t, ok := g.enum(o, want); ok {
		return t
	}
	kind, nullable := kindOf(o)
	t := g.ofKind(kind, n, o, want)
	t.nullable = t.nullable || nullable
	return t
}

// structural are the keywords that decide about a type.
var structural = []string{
	"$ref", "$dynamicRef", "type", "properties", "patternProperties", "additionalProperties", "items", "prefixItems", "enum", "const",
	"allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas",
}

// alone returns the schema that alone decides about the type, if it is a reference or the only
// member of allOf.
func (g *goSchema) alone(n node, o object) (node, bool) {
	count := 0
	for _, keyword := range structural {
		if o.has(keyword) {
			count++
		}
	}
	if count != 1 {
		return n, false
	}
	if parts := list(o.get("allOf")); len(parts) == 1 {
		return n.sub(parts[0], "allOf", "0"), true
	}
	for _, keyword := range []string{"$ref", "$dynamicRef"} {
		if ref, ok := o.get(keyword).(string); ok && (keyword == "$ref" || !g.many) {
			return g.follow(n, ref)
		}
	}
	return n, false
}

// orNull returns the schema beside null in an anyOf or oneOf of two.
func orNull(n node, o object) (node, bool) {
	for _, keyword := range []string{"anyOf", "oneOf"} {
		either := list(o.get(keyword))
		if len(either) != 2 || o.has("type") || o.has("properties") || o.has("$ref") {
			continue
		}
		for i, one := range either {
			if s, _ := one.(object); s.get("type") == "null" {
				return n.sub(either[1-i], keyword, strconv.Itoa(1-i)), true
			}
		}
	}
	return n, false
}

// branches reports whether the values of a schema can be of several forms.
func branches(o object) bool {
	for _, keyword := range []string{"then", "else", "dependentSchemas"} {
		if o.has(keyword) {
			return true
		}
	}
	for _, either := range slices.Concat(list(o.get("anyOf")), list(o.get("oneOf"))) {
		s, _ := either.(object)
		if s == nil || slices.ContainsFunc(structural, s.has) {
			return true
		}
	}
	return false
}

// kindOf returns the type of a schema's values besides null, "" if there are several.
func kindOf(o object) (kind string, nullable bool) {
	switch kind := o.get("type").(type) {
	case string:
		return kind, false
	case []any:
		others := slices.DeleteFunc(slices.Clone(kind), func(k any) bool { return k == "null" })
		if len(others) == 1 {
			name, _ := others[0].(string)
			return name, len(kind) > 1
		}
	case nil:
		if o.has("properties") || o.has("allOf") || o.has("$ref") {
			return "object", false
		}
	}
	return "", false
}

func (g *goSchema) ofKind(kind string, n node, o object, want string) goType {
	switch kind {
	case "string":
		if o.get("format") == "date-time" {
			g.imports["time"] = true
			return goType{text: "time.Time"}
		}
		return goType{text: "string"}
	case "integer":
		return goType{text: "int64"}
	case "number":
		return goType{text: "float64"}
	case "boolean":
		return goType{text: "bool"}
	case "array":
		item := rawType
		if !o.has("prefixItems") && o.has("items") {
			item = g.typeOf(n.sub(o.get("items"), "items"), want+"Item")
		}
		return goType{text: "[]" + item.element(), nilable: true}
	case "object":
		return g.object(n, o, want)
	}
	return rawType
}

// element is the type as an item or member, which may be null.
func (t goType) element() string {
	if t.nullable && !t.nilable {
		return "*" + t.text
	}
	return t.text
}

// enum returns a type with constants for a list of strings.
func (g *goSchema) enum(o object, want string) (goType, bool) {
	values := list(o.get("enum"))
	if o.has("const") {
		values = []any{o.get("const")}
	}
	kind, nullable := kindOf(o)
	var texts []string
	for _, v := range values {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case nil:
			nullable = true
		default:
			return rawType, kind == ""
		}
	}
	if texts == nil || kind != "string" && kind != "" {
		return rawType, kind == "" && values != nil
	}
	name := g.names.add(want)
	var b strings.Builder
	title, _ := o.get("description").(string)
	fmt.Fprintf(&b, "%stype %s string\n\n// The values of %s.\nconst (\n", comment(paragraphs(name+" is an enumeration.", title)), name, name)
	for _, t := range texts {
		fmt.Fprintf(&b, "%s %s = %s\n", g.names.add(name+cmp.Or(camelCase(t), "Empty")), name, strconv.Quote(t))
	}
	g.declarations = append(g.declarations, b.String()+")\n")
	return goType{text: name, nullable: nullable}, true
}
