// Package redact prints structs without what a log must not hold. A type's Format
// method calls [Format], and a tag of a field says what is shown of it:
//
//	log:"-"      that there is something
//	log:"size"   how many bytes
//	log:"names"  the keys of a map, not the values
//	log:"host"   the scheme and the host of a URL
//
// A field without a tag is printed as %+v does. It helps where the struct itself is
// printed, or an exported field that holds it: fmt asks no unexported field.
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

// Text stands for what is not shown.
const Text = "[redacted]"

// Format prints a struct, in the same way for every verb.
func Format(f fmt.State, v any) { _, _ = io.WriteString(f, String(v)) }

// String returns what [Format] prints.
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

// hostOf returns what of a URL is no secret. A path can be one.
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

// plain prints a value, and of what it points to only the type unless that prints
// itself: there is no end to what could lie there.
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
