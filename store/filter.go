package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Filter says which of the events that match a subscription it wants, by their
// data. All conditions must hold.
type Filter []Condition

// Condition compares the value at a place in the data.
type Condition struct {
	Pointer string // RFC 6901 JSON Pointer into the data
	Op      Op     // the comparison
	Value   []byte // the JSON value with which it compares; its type depends on Op
}

// Op is the operator of a [Condition].
type Op string

// The comparisons. Values are equal if they are the same JSON value, whatever
// their spelling: 1 and 1.0 are, and so are objects with their members in another
// order. A place that is not there meets OpNotEqual and OpExists with false, and
// nothing else.
const (
	OpEqual    Op = "eq"     // both are the same JSON value
	OpNotEqual Op = "ne"     // the opposite of OpEqual
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
	if dec.Decode(&v) != nil {
		return nil, false
	}
	_, err := dec.Token()
	return v, errors.Is(err, io.EOF) // nothing follows
}

// Matches reports whether all conditions hold of the document. An empty filter
// holds of everything. A malformed condition holds of nothing, and of a document
// that is not JSON none holds.
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
	tokens, wellFormed := parsePointer(c.Pointer)
	if !wellFormed {
		return false
	}
	got, found := resolve(root, tokens)
	switch c.Op {
	case OpExists:
		return found == want
	case OpNotEqual:
		return !found || !equal(got, want)
	default: // the other operators need a value
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

// parsePointer returns the reference tokens of a pointer (RFC 6901, section 3).
func parsePointer(pointer string) (tokens []string, ok bool) {
	if pointer == "" {
		return nil, true
	}
	tokens = strings.Split(pointer, "/")
	for i, token := range tokens {
		if strings.Count(token, "~") != strings.Count(token, "~0")+strings.Count(token, "~1") {
			return nil, false
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens[1:], tokens[0] == ""
}

// resolve follows a pointer (RFC 6901, section 4).
func resolve(v any, tokens []string) (any, bool) {
	for _, token := range tokens {
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

// compareNumbers compares exactly, and does not write the numbers out: 1e999999999
// is as quick as 1.
func compareNumbers(a, b json.Number) int {
	x, y := parseDecimal(a.String()), parseDecimal(b.String())
	if x.sign != y.sign {
		return cmp.Compare(x.sign, y.sign)
	}
	return x.sign * cmp.Or(cmp.Compare(x.exponent, y.exponent), strings.Compare(x.digits, y.digits))
}

// A decimal is sign × 0.digits × 10^exponent. The digits neither begin nor end with
// a zero, so that equal numbers have equal decimals. Zero has none.
type decimal struct {
	sign     int
	digits   string
	exponent int64 // at most maxExponent, as are all that are larger
}

const maxExponent = 1 << 60

// parseDecimal parses a number as JSON spells it.
func parseDecimal(text string) decimal {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, exponent := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		exponent, _ = strconv.ParseInt(text[i+1:], 10, 62) // the nearest one, if it is out of range
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return decimal{}
	}
	exponent += int64(len(digits) - len(fraction))
	d := decimal{1, strings.TrimRight(digits, "0"), max(-maxExponent, min(exponent, maxExponent))}
	if negative {
		d.sign = -1
	}
	return d
}
