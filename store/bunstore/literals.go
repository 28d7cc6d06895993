package bunstore

import (
	"bytes"

	"github.com/uptrace/bun/dialect/pgdialect"
)

// literals is bun's dialect for PostgreSQL, except that a literal means the same whatever
// the session's standard_conforming_strings and client_encoding are. Bun writes values into
// the text of a statement, and doubles quotes only. Where standard_conforming_strings is
// off, a backslash in such a value escapes the quote that ends it.
type literals struct{ *pgdialect.Dialect }

// AppendString implements [schema.Dialect].
func (d literals) AppendString(b []byte, s string) []byte {
	return escapeFrom(d.Dialect.AppendString(b, s), len(b))
}

// AppendBytes implements [schema.Dialect].
func (d literals) AppendBytes(b, bs []byte) []byte {
	return escapeFrom(d.Dialect.AppendBytes(b, bs), len(b))
}

// AppendJSON implements [schema.Dialect].
func (d literals) AppendJSON(b, jsonb []byte) []byte {
	return escapeFrom(d.Dialect.AppendJSON(b, jsonb), len(b))
}

// escapeFrom turns the literal at the end of b into an escape string constant if it has a
// backslash: '\x00' becomes E'\x5cx00'. No backslash is followed by another one or by a
// quote, which an encoding such as SJIS could take for the second half of a character.
func escapeFrom(b []byte, start int) []byte {
	if bytes.IndexByte(b[start:], '\\') < 0 {
		return b
	}
	escaped := bytes.ReplaceAll(b[start:], []byte(`\`), []byte(`\x5c`))
	return append(append(b[:start], 'E'), escaped...)
}
