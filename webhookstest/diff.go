package webhookstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDifferences bounds the lines of a diff.
const maxDifferences = 10

// diff compares values by their JSON. It returns a line for each difference, which names the path, or "".
func diff(path string, got json.RawMessage, want any) string {
	text, err := json.Marshal(want)
	if err != nil {
		return fmt.Sprintf("\tthe wanted %s cannot be marshalled: %v", path, err)
	}
	var lines differences
	lines.compare(path, decoded(got), decoded(text))
	if len(lines) > maxDifferences {
		lines = append(lines[:maxDifferences], "\t…")
	}
	return strings.Join(lines, "\n")
}

// decoded returns a JSON value with its numbers as they are written.
func decoded(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return malformed(text)
	}
	return v
}

// malformed is text that is no JSON value.
type malformed string

// differences are lines of a diff, one more than maxDifferences at most.
type differences []string

func (d *differences) add(path, format string, args ...any) {
	*d = append(*d, "\t"+path+": "+fmt.Sprintf(format, args...))
}

func (d *differences) full() bool { return len(*d) > maxDifferences }

func (d *differences) compare(path string, got, want any) {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			d.compareObjects(path, got, want)
			return
		}
	case []any:
		if got, ok := got.([]any); ok {
			d.compareArrays(path, got, want)
			return
		}
	case json.Number:
		if got, ok := got.(json.Number); ok && sameNumber(got, want) {
			return
		}
	default:
		if _, scalar := got.(json.Number); !scalar && isScalar(got) && got == want {
			return
		}
	}
	d.add(path, "got %s, want %s", short(got), short(want))
}

func (d *differences) compareObjects(path string, got, want map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[name]; d.full() {
			return
		} else if ok {
			d.compare(path+"."+name, g, want[name])
		} else {
			d.add(path+"."+name, "missing, want %s", short(want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !d.full() {
			d.add(path+"."+name, "got %s, want no such member", short(got[name]))
		}
	}
}

func (d *differences) compareArrays(path string, got, want []any) {
	for i := range min(len(got), len(want)) {
		if !d.full() {
			d.compare(fmt.Sprintf("%s[%d]", path, i), got[i], want[i])
		}
	}
	if len(got) != len(want) && !d.full() {
		d.add(path, "got %d elements, want %d", len(got), len(want))
	}
}

// sameNumber compares numbers: 1.0 is 1. Numbers that a float64 cannot tell apart must be written alike.
func sameNumber(a, b json.Number) bool {
	const exact = 15 // digits that a float64 keeps
	if a == b {
		return true
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y && len(a) <= exact && len(b) <= exact
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// short returns a value as JSON, cut.
func short(v any) string {
	const longest = 200
	if text, ok := v.(malformed); ok {
		return fmt.Sprintf("malformed JSON %.*q", longest, string(text))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(text) > longest {
		return string(text[:longest]) + "…"
	}
	return string(text)
}
