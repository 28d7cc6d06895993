package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/signing"
)

// print prints a value as JSON, or calls table to print it for people.
func (a *access) print(v any, table func(*tabwriter.Writer)) error {
	if a.json {
		return a.printJSON(v, "  ")
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// printJSON prints a value as JSON, on one line without an indent.
func (a *access) printJSON(v any, indent string) error {
	text, err := shownJSON(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if indent == "" {
		b.Write(text)
	} else if err := json.Indent(&b, text, "", indent); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = b.WriteTo(a.stdout)
	return err
}

// row writes the cells of a table's row.
func row(w io.Writer, cells ...any) {
	for i, cell := range cells {
		if at, ok := cell.(time.Time); ok {
			cell = moment(at)
		}
		text := printable(fmt.Sprint(cell))
		if text == "" {
			text = "-"
		}
		if i > 0 {
			text = "\t" + text
		}
		_, _ = io.WriteString(w, text)
	}
	_, _ = io.WriteString(w, "\n")
}

// moment writes a time in UTC; "" for zero.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// printable replaces the characters by which a customer's text could act on the terminal: control
// characters, and those that change the direction of text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// printableLines is printable for each line of a text.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// hostOf returns the host of a URL: the path and the query of an endpoint can be a secret.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Host
}

// withoutCredentials returns a text without the parts of a URL that can be secret: user and query.
func withoutCredentials(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://…"
	}
	if u.User != nil {
		u.User = url.User("…")
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	u.Fragment = ""
	return strings.ReplaceAll(u.String(), url.PathEscape("…"), "…")
}

// shownJSON encodes a value as package client has it, with zero times and ids as null, signing
// secrets and values of headers masked, and data as it is.
func shownJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	err := appendJSON(&b, reflect.ValueOf(v))
	return b.Bytes(), err
}

func appendJSON(b *bytes.Buffer, v reflect.Value) error {
	if !v.IsValid() {
		b.WriteString("null")
		return nil
	}
	switch x := v.Interface().(type) {
	case json.RawMessage:
		if len(x) == 0 {
			x = json.RawMessage("null")
		}
		return json.Compact(b, x)
	case time.Time:
		return appendText(b, moment(x))
	case uuid.UUID:
		if x == uuid.Nil {
			return appendText(b, "")
		}
	case client.Secret:
		return appendText(b, signing.Mask(string(x)))
	case client.Headers:
		masked := map[string]string{}
		for name, value := range x {
			masked[name] = signing.Mask(value)
		}
		v = reflect.ValueOf(masked)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return appendJSON(b, v.Elem())
	case reflect.Slice:
		return appendList(b, v)
	case reflect.Struct:
		b.WriteByte('{')
		err := appendMembers(b, v)
		b.WriteByte('}')
		return err
	default:
		text, err := json.Marshal(v.Interface())
		b.Write(text)
		return err
	}
}

// appendText writes a text, or null for "".
func appendText(b *bytes.Buffer, text string) error {
	if text == "" {
		b.WriteString("null")
		return nil
	}
	encoded, err := json.Marshal(text)
	b.Write(encoded)
	return err
}

// appendList writes a list. Nil is null: package client tells the absence of a list from an empty one.
func appendList(b *bytes.Buffer, v reflect.Value) error {
	if v.IsNil() {
		b.WriteString("null")
		return nil
	}
	b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(b, v.Index(i)); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// appendMembers writes the members of a struct, and of the structs that it embeds.
func appendMembers(b *bytes.Buffer, v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if field.Anonymous && name == "" {
			if err := appendMembers(b, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		if last := b.Bytes()[b.Len()-1]; last != '{' {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%q:", name)
		if err := appendJSON(b, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}
