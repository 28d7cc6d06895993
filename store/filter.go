package store

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// Filter says which of the events that match a subscription it wants, by their
// data. All conditions must hold.
type Filter []Condition

// Condition compares the value at a place in the data.
type Condition struct {
	Pointer string // RFC 6901 JSON Pointer into the data
	Op      Op
	Value   []byte // JSON
}

// Op is how a [Condition] compares.
type Op string

// The comparisons. Values are equal if they are the same JSON value, whatever
// their spelling: 1 and 1.0 are, and so are objects with their members in another
// order. A place that is not there meets OpNotEqual and OpExists with false, and
// nothing else.
const (
	OpEqual    Op = "eq"
	OpNotEqual Op = "ne"
	OpIn       Op = "in"     // equal to one of the members of the array
	OpPrefix   Op = "prefix" // both are strings
	OpExists   Op = "exists" // the value, true or false, says whether the place is there
	OpLess     Op = "lt"     // both are numbers, or both are strings, which compare by their bytes
	OpGreater  Op = "gt"     // like OpLess
)

// Document is a JSON value to which filters are applied. It is parsed once, when
// the first filter asks. Not safe for concurrent use.
type Document struct {
	text   []byte
	parsed bool
	value  any
	broken bool
}

// NewDocument returns the document of a JSON text.
func NewDocument(text []byte) *Document { return &Document{text: text} }

func (d *Document) root() (any, bool) {
	if !d.parsed {
		d.parsed = true
		var ok bool
		d.value, ok = parse(d.text)
		d.broken = !ok
	}
	return d.value, !d.broken
}

func parse(text []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return v, dec.Decode(&v) == nil
}

// Matches reports whether all conditions hold of the document. An empty filter
// holds of everything, a malformed condition of nothing.
func (f Filter) Matches(d *Document) bool {
	for _, c := range f {
		if !c.holds(d) {
			return false
		}
	}
	return true
}

func (c Condition) holds(d *Document) bool {
	root, ok := d.root()
	want, wellFormed := parse(c.Value)
	if !ok || !wellFormed {
		return false
	}
	got, found := resolve(root, c.Pointer)
	switch c.Op {
	case OpExists:
		return found == want
	case OpNotEqual:
		return !found || !equal(got, want)
	}
	if !found {
		return false
	}
	switch c.Op {
	case OpEqual:
		return equal(got, want)
	case OpIn:
		members, _ := want.([]any)
		for _, m := range members {
			if equal(got, m) {
				return true
			}
		}
		return false
	case OpPrefix:
		text, isText := got.(string)
		prefix, wantsText := want.(string)
		return isText && wantsText && strings.HasPrefix(text, prefix)
	case OpLess:
		return ordered(got, want, -1)
	case OpGreater:
		return ordered(got, want, 1)
	default:
		return false
	}
}

// resolve follows a pointer (RFC 6901).
func resolve(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch in := v.(type) {
		case map[string]any:
			member, ok := in[token]
			if !ok {
				return nil, false
			}
			v = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) || strconv.Itoa(i) != token {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && compareNumbers(a, b) == 0
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, there := b[k]; !there || !equal(v, w) {
				return false
			}
		}
		return true
	default: // a string, a bool, or nil
		switch b.(type) {
		case []any, map[string]any:
			return false
		}
		return a == b
	}
}

func ordered(a, b any, sign int) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && compareNumbers(a, b) == sign
	case string:
		b, ok := b.(string)
		return ok && strings.Compare(a, b) == sign
	default:
		return false
	}
}

// compareNumbers compares exactly where the numbers are of a size that people
// write, and as floating point beyond: 1e999999999 must not be written out.
func compareNumbers(a, b json.Number) int {
	if x, ok := exact(a); ok {
		if y, ok := exact(b); ok {
			return x.Cmp(y)
		}
	}
	x, _, errX := big.ParseFloat(a.String(), 10, 64, big.ToNearestEven)
	y, _, errY := big.ParseFloat(b.String(), 10, 64, big.ToNearestEven)
	if errX != nil || errY != nil {
		return strings.Compare(a.String(), b.String())
	}
	return x.Cmp(y)
}

func exact(n json.Number) (*big.Rat, bool) {
	text := n.String()
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if exponent, err := strconv.Atoi(text[i+1:]); err != nil || exponent > 400 || exponent < -400 {
			return nil, false
		}
	}
	if len(text) > 500 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
