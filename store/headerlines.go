package store

import (
	"iter"
	"strings"
)

// HeaderLines are the headers of a response, as text that a store keeps: a line "Name: value" with
// a line feed for each value. A first line [HeadersOmitted] says that the response had more headers.
type HeaderLines string

// HeadersOmitted is the first line of [HeaderLines] that lack headers.
const HeadersOmitted = "…\n"

// Omitted reports whether the response had more headers.
func (h HeaderLines) Omitted() bool { return strings.HasPrefix(string(h), HeadersOmitted) }

// All yields the names with their values. A name comes once for each of its values.
func (h HeaderLines) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for line := range strings.Lines(string(h)) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if ok && !yield(name, value) {
				return
			}
		}
	}
}
