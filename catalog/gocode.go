package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks"
)

// Go returns a file of Go with a type for the data of each event type and version, and a function
// Decode, which needs the standard library alone. Its package is called webhookevents unless a
// name is given.
//
// An object with named members is a struct, another one a map; a string with the format date-time
// is a [time.Time]; an enumeration of strings is a type with constants; an integer is an int64 and
// a number a float64. A member that is optional or may be null is a pointer, slice or map, which is
// nil if the member is absent or null. Values that can be of several forms are a
// [json.RawMessage]. If the schema allows further members explicitly, Extra has them; otherwise
// they are ignored, and the field Raw of a decoded event still has them.
func Go(s webhooks.CatalogSnapshot, info Info, name string) ([]byte, error) {
	name = cmp.Or(name, "webhookevents")
	if !token.IsIdentifier(name) {
		return nil, errors.New("the name of the package must be an identifier of Go")
	}
	f := &goFile{imports: map[string]bool{"encoding/json": true, "fmt": true, "time": true}}
	f.names = identifiers{"Event": true, "Decode": true}
	var table strings.Builder
	types := describe(s)
	for i := range types { // the names of event types come before all further names
		types[i].key = f.names.add(goName(types[i].Code) + camelCase(types[i].Version))
	}
	for _, e := range types {
		f.addEventType(e)
		fmt.Fprintf(&table, "{%s, %s}: func() any { return new(%s) },\n", strconv.Quote(e.Code), strconv.Quote(e.Version), e.key)
	}
	if f.objects {
		f.imports["reflect"] = true
	}
	var b strings.Builder
	head := fmt.Sprintf("Package %s has the types of events: %s, version %s.", name, cmp.Or(info.Title, "Webhooks"),
		cmp.Or(info.Version, contentHash(s)))
	fmt.Fprintf(&b, "// Code generated from a catalog of webhooks. DO NOT EDIT.\n\n%spackage %s\n\nimport (\n", comment(head), name)
	for _, path := range slices.Sorted(maps.Keys(f.imports)) {
		b.WriteString(strconv.Quote(path) + "\n")
	}
	fmt.Fprintf(&b, ")\n%s\nvar newData = map[[2]string]func() any{\n%s}\n\n%s", goDecode, table.String(), strings.Join(f.declarations, "\n"))
	if f.objects {
		b.WriteString(goObjects)
	}
	return format.Source([]byte(b.String()))
}

// goFile is a file of Go in the making.
type goFile struct {
	names        identifiers
	imports      map[string]bool
	declarations []string
	objects      bool // it needs goObjects
}

// addEventType adds the type of an event type's data.
func (f *goFile) addEventType(e eventType) {
	text := comment(paragraphs(fmt.Sprintf("%s is the data of %s, version %s: %s.", e.key, e.Code, e.Version, e.Name), e.text()))
	place := len(f.declarations)
	f.declarations = append(f.declarations, "")
	t := rawType
	if e.schema != nil {
		delete(f.names, e.key) // for the type of the root
		g := &goSchema{goFile: f, document: e.schema, types: map[string]goType{}, active: map[string]bool{}}
		t = g.typeOf(node{e.schema.root, "", defaultBase}, e.key)
		f.names[e.key] = true
	}
	if t.text != e.key {
		f.declarations[place] = fmt.Sprintf("%stype %s = %s\n", text, e.key, t.element())
		return
	}
	f.declarations[place] = strings.TrimSuffix(text, "\n")
}

const goDecode = `
// Event is a webhook: the body of a delivery.
type Event struct {
	ID        string // the message, as in the header webhook-id: the same on every retry
	Type      string // the code of the event type
	Version   string
	Timestamp time.Time // of the publication

	// Data is a pointer to the type of the event type and version. It is nil for one that this
	// package does not know.
	Data any
	// Raw is the data as it was sent.
	Raw json.RawMessage
}

// Decode decodes the body of a delivery. Verify its signature first.
//
//	switch data := event.Data.(type) { … }
func Decode(body []byte) (Event, error) {
	var text struct {
		ID        string          ` + "`json:\"id\"`" + `
		Type      string          ` + "`json:\"type\"`" + `
		Version   string          ` + "`json:\"version\"`" + `
		Timestamp time.Time       ` + "`json:\"timestamp\"`" + `
		Data      json.RawMessage ` + "`json:\"data\"`" + `
	}
	if err := json.Unmarshal(body, &text); err != nil {
		return Event{}, err
	}
	e := Event{ID: text.ID, Type: text.Type, Version: text.Version, Timestamp: text.Timestamp, Raw: text.Data}
	if create, ok := newData[[2]string{e.Type, e.Version}]; ok {
		data := create()
		if err := json.Unmarshal(e.Raw, data); err != nil {
			return e, fmt.Errorf("data of %s, version %s: %w", e.Type, e.Version, err)
		}
		e.Data = data
	}
	return e, nil
}
`

const goObjects = `
// member is a member of an object with its field, by reference where it is to be read.
type member struct {
	name     string
	value    any
	optional bool
}

func unmarshalObject[T any](text []byte, extra *map[string]T, members ...member) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, m := range members {
		if value, ok := all[m.name]; ok {
			if err := json.Unmarshal(value, m.value); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			delete(all, m.name)
		}
	}
	if extra == nil || len(all) == 0 {
		return nil
	}
	*extra = make(map[string]T, len(all))
	for name, text := range all {
		var value T
		if err := json.Unmarshal(text, &value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		(*extra)[name] = value
	}
	return nil
}

func marshalObject[T any](extra map[string]T, members ...member) ([]byte, error) {
	all := make(map[string]any, len(extra)+len(members))
	for name, value := range extra {
		all[name] = value
	}
	for _, m := range members {
		if !m.optional || !reflect.ValueOf(m.value).IsZero() {
			all[m.name] = m.value
		}
	}
	return json.Marshal(all)
}
`
