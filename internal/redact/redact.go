// Package redact prints structs without the values that a log must not hold. A type's
// Format method calls [Format], and a tag of a field selects the part that is shown:
//
//	log:"-"      only that the field is not empty
//	log:"size"   the number of bytes
//	log:"names"  the keys of a map, not the values
//	log:"host"   the scheme and the host of a URL
//
// A field without a tag is printed as by %+v. The method works where the struct itself is
// printed, or an exported field that holds it: fmt calls no method of an unexported field.
package redact

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Text replaces a value that is not shown.
const Text = "[redacted]"

// Format prints a struct, in the same way for every verb.
func Format(f fmt.State, v any) { _, _ = io.WriteString(f, String(v)) }

// String returns the text that [Format] prints.
func String(v any) string {
	value := reflect.ValueOf(v)
	var b strings.Builder
	b.WriteByte('{')
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(' ')
		}
		b.WriteString(field.Name + ":" + show(value.Field(i), field.Tag.Get("log")))
	}
	b.WriteByte('}')
	return b.String()
}

func show(v reflect.Value, tag string) string {
	if tag != "" && v.IsZero() {
		return ""
	}
	switch tag {
	case "-":
		return Text
	case "size":
		return fmt.Sprintf("[%d bytes]", v.Len())
	case "names":
		var names []string
		for key := range maps.Collect(v.Seq2()) {
			names = append(names, key.String())
		}
		slices.Sort(names)
		return fmt.Sprint(names)
	case "host":
		return hostOf(v.Interface())
	}
	return plain(v)
}

// hostOf returns the scheme and the host of a URL. The path and the query may be secret.
func hostOf(of any) string {
	u, ok := of.(*url.URL)
	if !ok {
		var err error
		if u, err = url.Parse(fmt.Sprint(of)); err != nil {
			return Text
		}
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// plain prints a value. For a pointer it prints the type alone, unless the pointer has a
// printing method of its own: the value behind a pointer can be of any size.
func plain(v reflect.Value) string {
	switch of := v.Interface().(type) {
	case fmt.Formatter, fmt.Stringer, error:
		return fmt.Sprintf("%+v", of)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan:
		if v.IsNil() {
			return "<nil>"
		}
		return fmt.Sprintf("(%T)", v.Interface())
	default:
		return fmt.Sprintf("%+v", v.Interface())
	}
}
