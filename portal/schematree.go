package portal

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// schemaNode is a value in the data of an event, as a JSON Schema describes it.
type schemaNode struct {
	Name        string       // of the member, or [] for the items of an array; "" for the data itself and for an alternative
	Group       string       // oneOf or anyOf for an alternative; "" for other values
	Type        string       // such as string; "": any
	Required    bool         // the object always has the member
	Deprecated  bool         // it will be removed
	Description string       // "": none
	Values      []string     // the allowed values as JSON; nil: all
	Rules       []schemaRule // in the order of the schema
	Children    []schemaNode // members, items and alternatives
	Cut         bool         // children, values or rules are left out
}

// schemaRule is a keyword that limits a value, such as maxLength.
type schemaRule struct{ Keyword, Value string }

// The bounds of a tree. A schema can refer to itself, and be made to have more places than a page can show.
const (
	schemaSteps    = 400 // subschemas that are read
	schemaDepth    = 8
	schemaValues   = 30
	schemaMaxValue = 100 // bytes of a value
	schemaMaxText  = 1000
)

// schemaReader reads a JSON Schema into a tree.
type schemaReader struct {
	root json.RawMessage
	left int // steps
}

// schemaTree returns the tree of a JSON Schema. It follows references within the schema.
func schemaTree(schema json.RawMessage) schemaNode {
	r := &schemaReader{root: schema, left: schemaSteps}
	var n schemaNode
	r.read(&n, schema, 0)
	return n
}

// read adds what a subschema says to a node.
func (r *schemaReader) read(n *schemaNode, schema json.RawMessage, depth int) {
	if r.left--; r.left < 0 || depth > schemaDepth {
		n.Cut = true
		return
	}
	var required []string
	for _, m := range membersOf(schema) {
		switch m.name {
		case "required":
			_ = json.Unmarshal(m.value, &required) // the schema was checked when it was saved
		case "$ref":
			r.read(n, r.target(m.value), depth+1)
		case "allOf":
			for _, part := range itemsOf(m.value) {
				r.read(n, part, depth+1)
			}
		default:
			r.readKeyword(n, m, depth)
		}
	}
	for i, child := range n.Children {
		n.Children[i].Required = child.Required || slices.Contains(required, child.Name)
	}
	if n.Type == "" && slices.ContainsFunc(n.Children, func(c schemaNode) bool { return c.Group == "" }) {
		n.Type = "object"
		if n.Children[0].Name == "[]" {
			n.Type = "array"
		}
	}
}

func (r *schemaReader) readKeyword(n *schemaNode, m schemaMember, depth int) {
	switch m.name {
	case "type":
		n.Type = typeOf(m.value)
	case "description":
		_ = json.Unmarshal(m.value, &n.Description)
		n.Description = n.cut(n.Description, schemaMaxText)
	case "deprecated":
		n.Deprecated = string(m.value) == "true"
	case "enum", "const":
		n.addValues(m)
	case "properties":
		for _, p := range membersOf(m.value) {
			r.child(n, schemaNode{Name: p.name}, p.value, depth)
		}
	case "patternProperties":
		for _, p := range membersOf(m.value) {
			r.child(n, schemaNode{Name: "/" + p.name + "/"}, p.value, depth)
		}
	case "additionalProperties":
		if m.value[0] == '{' {
			r.child(n, schemaNode{Name: "*"}, m.value, depth)
		}
	case "items":
		r.child(n, schemaNode{Name: "[]"}, m.value, depth)
	case "oneOf", "anyOf", "prefixItems":
		for _, item := range itemsOf(m.value) {
			r.child(n, schemaNode{Group: m.name}, item, depth)
		}
	case "format", "pattern", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
		"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties":
		n.Rules = append(n.Rules, schemaRule{m.name, n.cut(compactJSON(m.value), schemaMaxValue)})
	}
}

// child adds a value below a node.
func (r *schemaReader) child(n *schemaNode, child schemaNode, schema json.RawMessage, depth int) {
	if r.left <= 0 {
		n.Cut = true
		return
	}
	r.read(&child, schema, depth+1)
	n.Children = append(n.Children, child)
}

func (n *schemaNode) addValues(m schemaMember) {
	values := []json.RawMessage{m.value}
	if m.name == "enum" {
		values = itemsOf(m.value)
	}
	for _, value := range values {
		if len(n.Values) == schemaValues {
			n.Cut = true
			return
		}
		n.Values = append(n.Values, n.cut(compactJSON(value), schemaMaxValue))
	}
}

// cut returns the beginning of a text that is too long.
func (n *schemaNode) cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	n.Cut = true
	return strings.ToValidUTF8(text[:bytes], "") + "…"
}

// target returns the subschema to which a reference leads; nil if that is none of the schema.
func (r *schemaReader) target(reference json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(reference, &text) != nil || text != "#" && !strings.HasPrefix(text, "#/") {
		return nil
	}
	at := r.root
	for _, token := range strings.Split(text, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		members := membersOf(at)
		i := slices.IndexFunc(members, func(m schemaMember) bool { return m.name == token })
		if i < 0 {
			return nil
		}
		at = members[i].value
	}
	return at
}

type schemaMember struct {
	name  string
	value json.RawMessage
}

// membersOf returns the members of an object in their order; nil of another value.
func membersOf(object json.RawMessage) (all []schemaMember) {
	d := json.NewDecoder(bytes.NewReader(object))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		m := schemaMember{name: name.(string)}
		if d.Decode(&m.value) != nil {
			return nil
		}
		all = append(all, m)
	}
	return all
}

func itemsOf(array json.RawMessage) (all []json.RawMessage) {
	_ = json.Unmarshal(array, &all) // nil of another value
	return all
}

// typeOf returns the value of the keyword type, which is a word or a list of words.
func typeOf(value json.RawMessage) string {
	var words []string
	if json.Unmarshal(value, &words) != nil {
		words = make([]string, 1)
		_ = json.Unmarshal(value, &words[0])
	}
	return strings.Join(words, " | ")
}

func compactJSON(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

// indented returns JSON in lines. It changes white space alone, so that numbers stay as they are written.
func indented(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
