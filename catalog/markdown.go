package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ecg-api/webhooks"
)

// Markdown returns a page of GitHub Flavored Markdown: for each category its event types, for each
// event type a table of the members of its data, and its samples.
func Markdown(s webhooks.CatalogSnapshot, info Info) []byte {
	types := describe(s)
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n", inline(cmp.Or(info.Title, "Webhooks")), info.head(s, "").get("description"))
	fmt.Fprintf(&b, "\nVersion of this page: %s\n", code(cmp.Or(info.Version, contentHash(s))))
	used, byCategory := categoriesOf(s, types)
	for _, c := range used {
		fmt.Fprintf(&b, "\n## %s\n", inline(c.Name))
		writeText(&b, c.Description)
		for _, e := range byCategory[c.ID] {
			e.writeMarkdown(&b)
		}
	}
	fmt.Fprintf(&b, "\n## Headers\n\nEvery request has these headers.\n\n| header | meaning |\n| --- | --- |\n")
	for _, h := range headers {
		fmt.Fprintf(&b, "| `%s` | %s |\n", h.name, h.text)
	}
	return b.Bytes()
}

func (e eventType) writeMarkdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n### %s\n\n`%s`, version `%s`\n", inline(e.Name), e.Code, e.Version)
	if state := e.state(); state != "" {
		fmt.Fprintf(b, "\n**%s**\n", state)
	}
	text := e.EventType
	text.Active, text.Archived, text.Category.Active, text.Category.Archived = true, false, true, false // the state stands above
	writeText(b, eventType{EventType: text, truncated: e.truncated}.text())
	switch {
	case e.schema != nil:
		t := table{document: e.schema, active: map[string]bool{"": true}}
		t.add(e.schema.root, "", defaultBase, 0)
		t.write(b)
	case !e.truncated:
		b.WriteString("\nThe data is any JSON value: the event type has no schema.\n")
	}
	for _, s := range e.samples {
		text := Indent(appendValue(nil, e.body(s.payload)))
		fmt.Fprintf(b, "\nExample:\n\n%[1]sjson\n%[2]s%[1]s\n", fence(text), text)
	}
}

// writeText writes a paragraph of an operator's text, in which Markdown has no meaning.
func writeText(b *bytes.Buffer, text string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			fmt.Fprintf(b, "\n%s\n", inline(part))
		}
	}
}

var inlineEscapes = func() *strings.Replacer {
	pairs := []string{"\n", " ", "\r", " ", "\t", " "}
	for _, c := range "\\`*_{}[]<>#|~&!" {
		pairs = append(pairs, string(c), "\\"+string(c))
	}
	return strings.NewReplacer(pairs...)
}()

// inline returns a text in one line, in which Markdown has no meaning: no mark of a list, either.
func inline(text string) string {
	text = inlineEscapes.Replace(strings.TrimSpace(text))
	if text != "" && strings.ContainsAny(text[:1], "-+=") {
		text = "\\" + text
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	if digits > 0 && digits < len(text) && strings.ContainsAny(text[digits:digits+1], ".)") {
		text = text[:digits] + "\\" + text[digits:]
	}
	return text
}

// fence returns the back quotes around a block of code.
func fence(text []byte) string {
	quotes := "```"
	for bytes.Contains(text, []byte(quotes)) {
		quotes += "`"
	}
	return quotes
}

// The bounds of a table.
const (
	maxTableDepth = 6
	maxTableRows  = 200
	maxTableSteps = 2_000 // schemas that are visited
	maxCell       = 500   // characters
)

// table lists the members that a schema describes.
type table struct {
	document *document
	rows     []string
	active   map[string]bool // JSON Pointers of the schemas to which references around the current one lead
	steps    int
	more     bool // there are more members than the bounds allow
}

func (t *table) write(b *bytes.Buffer) {
	if t.rows == nil {
		fmt.Fprintf(b, "\nThe data: %s.\n", t.typeText(t.document.root, defaultBase))
		return
	}
	b.WriteString("\n| member of data | type | required | meaning |\n| --- | --- | --- | --- |\n")
	for _, row := range t.rows {
		b.WriteString(row)
	}
	if t.more {
		b.WriteString("\nThe table is cut: the schema has more members, or deeper ones.\n")
	}
}

// add adds the members of a schema's objects, and of the objects in them. A schema that refers to
// itself is described once.
func (t *table) add(v any, path, base string, depth int) {
	o, _ := v.(object)
	base = o.base(base)
	properties, _ := o.get("properties").(object)
	if t.steps++; depth > maxTableDepth || t.steps > maxTableSteps {
		t.more = true
		return
	}
	if to, at, ok := t.target(o, base); ok && !t.active[at] {
		t.active[at] = true
		t.add(to, path, base, depth)
		delete(t.active, at)
	}
	for _, part := range list(o.get("allOf")) {
		t.add(part, path, base, depth)
	}
	required := list(o.get("required"))
	for _, p := range properties {
		if len(t.rows) == maxTableRows {
			t.more = true
			return
		}
		must, name := "", path+p.name
		if slices.Contains(required, any(p.name)) {
			must = "yes"
		}
		meaning := inline(cut(t.meaning(p.value, base)))
		t.rows = append(t.rows, fmt.Sprintf("| %s | %s | %s | %s |\n", code(name), t.typeText(p.value, base), must, meaning))
		t.add(p.value, name+".", base, depth+1)
	}
	if items := o.get("items"); items != nil {
		t.add(items, strings.TrimSuffix(path, ".")+"[].", base, depth+1)
	}
}

// target returns the schema to which a schema refers, and its JSON Pointer.
func (t *table) target(o object, base string) (to object, at string, ok bool) {
	ref, ok := o.get("$ref").(string)
	if !ok {
		return nil, "", false
	}
	if at, ok = t.document.find(ref, base); !ok {
		return nil, "", false
	}
	v, _ := t.document.at(at)
	to, ok = v.(object)
	return to, at, ok
}

// meaning returns the description of a schema, or of the schemas to which it refers.
func (t *table) meaning(v any, base string) string {
	o, _ := v.(object)
	for range maxTableDepth {
		base = o.base(base)
		if text, ok := cmp.Or(o.get("description"), o.get("title")).(string); ok {
			return text
		}
		to, _, ok := t.target(o, base)
		if !ok {
			break
		}
		o = to
	}
	return ""
}

// typeText words the type of a schema, as a cell of a table.
func (t *table) typeText(v any, base string) string { return t.typeWords(v, base, maxTableDepth) }

func (t *table) typeWords(v any, base string, depth int) string {
	o, _ := v.(object)
	base = o.base(base)
	if value, ok := v.(bool); ok && !value {
		return "never there"
	}
	if to, _, ok := t.target(o, base); ok && depth > 0 && !o.has("type") {
		return t.typeWords(to, base, depth-1)
	}
	either := slices.Concat(list(o.get("anyOf")), list(o.get("oneOf")))
	if 0 < len(either) && len(either) <= maxEnumText && !o.has("type") && !o.has("properties") && depth > maxTableDepth-2 {
		var texts []string
		for _, one := range either {
			if text := t.typeWords(one, base, depth-1); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, " or ")
	}
	var parts []string
	for _, kind := range kinds(o) {
		if items := o.get("items"); kind == "array" && items != nil && !o.has("prefixItems") && depth > 0 {
			kind += " of " + t.typeWords(items, base, depth-1)
		}
		parts = append(parts, kind)
	}
	text := strings.Join(parts, " or ")
	if format, ok := o.get("format").(string); ok {
		text += " (" + inline(cut(format)) + ")"
	}
	if values := list(o.get("enum")); len(values) > 0 {
		text += " " + enumText(values)
	}
	if o.has("const") {
		text += " " + enumText([]any{o.get("const")})
	}
	return cmp.Or(strings.TrimSpace(text), "any value")
}

// kinds returns the types that a schema names.
func kinds(o object) []string {
	switch kind := o.get("type").(type) {
	case string:
		return []string{kind}
	case []any:
		var all []string
		for _, k := range kind {
			all = append(all, fmt.Sprint(k))
		}
		return all
	}
	if o.has("properties") || o.has("allOf") {
		return []string{"object"}
	}
	return nil
}

// maxEnumText is the number of values of an enum that a table shows.
const maxEnumText = 20

func enumText(values []any) string {
	var all []string
	for _, v := range values[:min(len(values), maxEnumText)] {
		all = append(all, code(cut(string(appendValue(nil, v)))))
	}
	if len(values) > maxEnumText {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}

// code returns a text as code in a cell of a table. A text that cannot be code is plain.
func code(text string) string {
	if text == "" || strings.ContainsAny(text, "`|\\\n\r") || strings.TrimSpace(text) != text {
		quoted, err := json.Marshal(text)
		if err != nil {
			return ""
		}
		return inline(string(quoted))
	}
	return "`" + text + "`"
}

// cut shortens a text to maxCell characters.
func cut(text string) string {
	if characters := []rune(text); len(characters) > maxCell {
		return string(characters[:maxCell]) + "…"
	}
	return text
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
