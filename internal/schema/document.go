package schema

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// document is a JSON value as a flat list of nodes in the order of the text. A tree of
// `any` takes 60 bytes for each number of `[0,0,…]`; a node takes 12.
type document struct {
	text  string // with string nodes unescaped
	nodes []node
}

// node is a value, or the name of a member, which stands before the member's value.
// The byte at start tells the kind: { [ " t f n, or the first of a number.
//
// A scalar spans start to end in the text; a string's text begins after start. The end of
// an object or array is the number of its direct children instead, names included.
type node struct{ start, end, next uint32 }

// parse reads a value that strictjson.Compact returned.
func parse(value []byte) document {
	var text strings.Builder
	text.Grow(len(value))
	nodes := make([]node, 0, countNodes(value))
	var open []int // the objects and arrays around the current byte
	add := func(start int) {
		if len(open) > 0 {
			nodes[open[len(open)-1]].end++
		}
		nodes = append(nodes, node{start: uint32(start), next: uint32(len(nodes) + 1)})
	}
	for i := 0; i < len(value); {
		size := 1
		switch value[i] {
		case ',', ':':
		case '{', '[':
			add(text.Len())
			text.WriteByte(value[i])
			open = append(open, len(nodes)-1)
		case '}', ']':
			nodes[open[len(open)-1]].next = uint32(len(nodes))
			open = open[:len(open)-1]
		default:
			size = scalarSize(value[i:])
			add(text.Len())
			writeScalar(&text, value[i:i+size])
			nodes[len(nodes)-1].end = uint32(text.Len())
		}
		i += size
	}
	return document{text.String(), nodes}
}

// countNodes returns at least the number of nodes of a value, and at most the number of
// empty arrays and objects more.
func countNodes(value []byte) int {
	n := 1
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case ',', ':', '{', '[':
			n++
		case '"':
			i += scalarSize(value[i:]) - 1
		}
	}
	return n
}

// scalarSize returns the length of the string, number or literal that b begins with.
func scalarSize(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case b[0] == '"' && c == '\\':
			i++
		case b[0] == '"' && c == '"':
			return i + 1
		case b[0] != '"' && (c == ',' || c == ']' || c == '}'):
			return i
		}
	}
	return len(b)
}

func writeScalar(text *strings.Builder, raw []byte) {
	if raw[0] != '"' {
		text.Write(raw)
		return
	}
	text.WriteByte('"')
	if body := raw[1 : len(raw)-1]; bytes.IndexByte(body, '\\') < 0 {
		text.Write(body)
		return
	}
	var s string
	_ = json.Unmarshal(raw, &s) // the caller checked the syntax
	text.WriteString(s)
}

// kind returns the first byte of a node, '0' for any number.
func (d *document) kind(at uint32) byte {
	c := d.text[d.nodes[at].start]
	if c == '-' || '0' <= c && c <= '9' {
		return '0'
	}
	return c
}

// scalar returns the text of a number or literal.
func (d *document) scalar(at uint32) string {
	return d.text[d.nodes[at].start:d.nodes[at].end]
}

// string returns the content of a string.
func (d *document) string(at uint32) string {
	return d.text[d.nodes[at].start+1 : d.nodes[at].end]
}

// pointer returns the RFC 6901 pointer to a value. That of a member's name is that of
// its object.
func (d *document) pointer(at uint32) string {
	var b strings.Builder
	for from := uint32(0); from != at; {
		isObject, child, i := d.kind(from) == '{', from+1, 0
		for d.nodes[child].next <= at {
			child = d.nodes[child].next
			i++
		}
		switch {
		case isObject && child == at && i%2 == 0: // the name itself
			return b.String()
		case isObject:
			b.WriteString("/" + escape.Replace(d.string(child-1)))
		default:
			b.WriteString("/" + strconv.Itoa(i))
		}
		from = child
	}
	return b.String()
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")
