package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// shape is an object as a schema describes it, with the parts of allOf together.
type shape struct {
	properties []property
	required   []any
	extra      *node // the schema of all other members
	patterns   bool
}

type property struct {
	name string
	node
}

// maxParts bounds the depth of allOf in allOf.
const maxParts = 16

// gather adds a schema to the shape. It returns false if the values have several forms, or need
// not be objects.
func (g *goSchema) gather(s *shape, n node, depth int) bool {
	o, ok := n.value.(object)
	if g.steps++; !ok || depth > maxParts || g.steps > maxSteps || branches(o) || o.has("enum") || o.has("const") || o.has("$dynamicRef") {
		return false
	}
	n.base = o.base(n.base)
	if kind, _ := kindOf(o); kind != "object" && o.has("type") {
		return false
	}
	if ref, ok := o.get("$ref").(string); ok {
		if to, ok := g.follow(n, ref); !ok || !g.gather(s, to, depth+1) {
			return false
		}
	}
	for i, part := range list(o.get("allOf")) {
		if !g.gather(s, n.sub(part, "allOf", strconv.Itoa(i)), depth+1) {
			return false
		}
	}
	properties, _ := o.get("properties").(object)
	for _, p := range properties {
		s.add(property{p.name, n.sub(p.value, "properties", p.name)})
	}
	s.required = append(s.required, list(o.get("required"))...)
	s.patterns = s.patterns || o.has("patternProperties")
	extra := o.get("additionalProperties")
	if allowed, given := extra.(bool); extra != nil && (allowed || !given) {
		s.patterns = s.patterns || s.extra != nil
		sub := n.sub(extra, "additionalProperties")
		s.extra = &sub
	}
	return true
}

// add adds a property. One that several parts describe accepts every value.
func (s *shape) add(p property) {
	i := slices.IndexFunc(s.properties, func(other property) bool { return other.name == p.name })
	if i < 0 {
		s.properties = append(s.properties, p)
		return
	}
	s.properties[i].value = true
	s.properties[i].pointer += "+" // no other schema has it
}

// object returns the type of a schema of objects: a struct if it names members, else a map.
func (g *goSchema) object(n node, o object, want string) goType {
	var s shape
	if !g.gather(&s, n, 0) {
		return rawType
	}
	if len(s.properties) == 0 {
		return goType{text: "map[string]" + g.extra(s, want).element(), nilable: true}
	}
	name := g.names.add(want)
	g.types[n.pointer] = goType{text: name, open: true}
	place := len(g.declarations)
	g.declarations = append(g.declarations, "")
	b := &goStruct{name: name, taken: identifiers{"MarshalJSON": true, "UnmarshalJSON": true}}
	if s.extra != nil || s.patterns {
		b.extra, b.explicit = g.extra(s, want).element(), true
		b.taken.add("Extra")
	}
	for _, p := range s.properties {
		b.fields = append(b.fields, g.field(b, p, slices.Contains(s.required, any(p.name))))
	}
	text, _ := o.get("description").(string)
	if n.pointer == "" {
		text = "" // the event type has one
	}
	g.declarations[place] = b.declaration(text)
	g.objects = g.objects || b.explicit
	return goType{text: name}
}

// extra returns the type of the members without a name.
func (g *goSchema) extra(s shape, want string) goType {
	if s.extra == nil || s.patterns {
		return rawType
	}
	return g.typeOf(*s.extra, want+"Value")
}

// goStruct is a struct.
type goStruct struct {
	name     string
	taken    identifiers
	fields   []goField
	extra    string // the type of the members that have no field; "" if they are ignored
	explicit bool   // it has methods for JSON, because tags cannot say all
}

type goField struct {
	name, member, kind, text string
	optional                 bool
}

func (g *goSchema) field(b *goStruct, p property, required bool) goField {
	f := goField{name: b.taken.add(goName(p.name)), member: p.name, optional: !required}
	t := g.typeOf(p.node, b.name+goName(p.name))
	f.kind = t.text
	if !t.nilable && (t.open || t.nullable || f.optional) {
		f.kind = "*" + t.text
	}
	if o, ok := p.value.(object); ok {
		f.text, _ = o.get("description").(string)
	}
	b.explicit = b.explicit || !taggable(p.name)
	return f
}

func (b *goStruct) declaration(text string) string {
	var out strings.Builder
	if text != "" {
		out.WriteString(comment(paragraphs(b.name+" is an object.", text)))
	}
	fmt.Fprintf(&out, "type %s struct {\n", b.name)
	for _, f := range b.fields {
		if f.text != "" {
			out.WriteString(comment(f.text))
		}
		fmt.Fprintf(&out, "%s %s%s\n", f.name, f.kind, f.tag(b.explicit))
	}
	if b.extra != "" {
		fmt.Fprintf(&out, "\n// Extra has the members that have no field of their own.\nExtra map[string]%s\n", b.extra)
	}
	out.WriteString("}\n")
	if b.explicit {
		b.writeMethods(&out)
	}
	return out.String()
}

// tag returns the tag of a field. If the struct has methods for JSON, it is not read.
func (f goField) tag(explicit bool) string {
	if explicit {
		return ""
	}
	options := ""
	if f.optional {
		options = ",omitzero"
	} else if f.member == "-" {
		options = ","
	}
	return " `json:" + strconv.Quote(f.member+options) + "`"
}

func (b *goStruct) writeMethods(out *strings.Builder) {
	extra, byRef := "map[string]json.RawMessage(nil)", "(*map[string]json.RawMessage)(nil)"
	if b.extra != "" {
		extra, byRef = "v.Extra", "&v.Extra"
	}
	list := func(prefix string) string {
		var all strings.Builder
		for _, f := range b.fields {
			fmt.Fprintf(&all, "member{%s, %sv.%s, %t},\n", strconv.Quote(f.member), prefix, f.name, f.optional)
		}
		return all.String()
	}
	fmt.Fprintf(out, "\n// UnmarshalJSON implements [json.Unmarshaler].\nfunc (v *%s) UnmarshalJSON(text []byte) error {\n"+
		"return unmarshalObject(text, %s,\n%s)\n}\n", b.name, byRef, list("&"))
	fmt.Fprintf(out, "\n// MarshalJSON implements [json.Marshaler].\nfunc (v %s) MarshalJSON() ([]byte, error) {\n"+
		"return marshalObject(%s,\n%s)\n}\n", b.name, extra, list(""))
}
