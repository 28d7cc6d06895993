package httpapi

import (
	"bytes"
	"encoding/json"
	"slices"
)

// node is a JSON value that is being patched. It is split into its members or items
// when an operation first goes into it, and then once: a hundred operations on a
// document of a megabyte must not read it a hundred times. What is not touched stays
// as it is written.
type node struct {
	text json.RawMessage // valid JSON; meaningless once it is split
	in   *inner
}

// inner is what an object or an array consists of.
type inner struct {
	object  bool
	items   []node         // of an array
	members []memberNode   // of an object, in their order; what was removed has no name
	byName  map[string]int // the place among the members
}

type memberNode struct {
	name  json.RawMessage // with its quotes, as it is written
	value node
}

func (n *node) split() *inner {
	if n.in != nil {
		return n.in
	}
	s := splitter{text: n.text}
	s.space()
	switch s.text[s.at] {
	case '{':
		n.in = &inner{object: true, byName: map[string]int{}}
		for s.more('}') {
			name := s.value()
			s.space()
			s.at++ // the colon
			n.in.set(nameOf(name), name, node{text: s.value()})
		}
	case '[':
		n.in = &inner{items: make([]node, 0, s.count())}
		for s.more(']') {
			n.in.items = append(n.in.items, node{text: s.value()})
		}
	}
	return n.in
}

// child returns a member or an item, nil if there is none.
func (n *node) child(token string) *node {
	in := n.split()
	if in == nil {
		return nil
	}
	if in.object {
		if i, ok := in.byName[token]; ok {
			return &in.members[i].value
		}
		return nil
	}
	if i, ok := index(token); ok && i < len(in.items) {
		return &in.items[i]
	}
	return nil
}

// add adds a member, or an item before the index or at the end, and reports whether
// there can be one.
func (n *node) add(token string, value node) bool {
	in := n.split()
	switch {
	case in == nil:
		return false
	case in.object:
		in.set(token, *quoted(token), value)
		return true
	case token == "-":
		in.items = append(in.items, value)
		return true
	}
	i, ok := index(token)
	if !ok || i > len(in.items) {
		return false
	}
	in.items = slices.Insert(in.items, i, value)
	return true
}

// remove removes a child that is there.
func (n *node) remove(token string) {
	in := n.split()
	if in.object {
		in.members[in.byName[token]] = memberNode{}
		delete(in.byName, token)
		return
	}
	i, _ := index(token)
	in.items = slices.Delete(in.items, i, i+1)
}

func (in *inner) set(name string, written json.RawMessage, value node) {
	if i, ok := in.byName[name]; ok {
		in.members[i].value = value
		return
	}
	in.byName[name] = len(in.members)
	in.members = append(in.members, memberNode{written, value})
}

// size is the length of the value as JSON, about: without commas.
func (n *node) size() int {
	if n.in == nil {
		return len(n.text)
	}
	size := 2
	for i := range n.in.items {
		size += n.in.items[i].size()
	}
	for i := range n.in.members {
		size += len(n.in.members[i].name) + n.in.members[i].value.size()
	}
	return size
}

// appendTo appends the value as JSON.
func (n *node) appendTo(b []byte) []byte {
	if n.in == nil {
		return append(b, n.text...)
	}
	if !n.in.object {
		b = append(b, '[')
		for i := range n.in.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.in.items[i].appendTo(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	first := true
	for i := range n.in.members {
		m := &n.in.members[i]
		if m.name == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(b, m.name...), ':')
		b = m.value.appendTo(b)
	}
	return append(b, '}')
}

// equal compares values as RFC 6902, section 4.6 wants it: numbers by value, objects
// whatever the order of their members. It goes no deeper than both are alike.
func (n *node) equal(o *node) bool {
	a, b := n.split(), o.split()
	switch {
	case a == nil && b == nil:
		return bytes.Equal(n.text, o.text) || equalJSON(n.text, o.text)
	case a == nil || b == nil || a.object != b.object || len(a.items) != len(b.items) || len(a.byName) != len(b.byName):
		return false
	}
	for i := range a.items {
		if !a.items[i].equal(&b.items[i]) {
			return false
		}
	}
	for name, i := range a.byName {
		j, ok := b.byName[name]
		if !ok || !a.members[i].value.equal(&b.members[j].value) {
			return false
		}
	}
	return true
}

// splitter reads the outermost level of a text that is known to be valid JSON.
type splitter struct {
	text json.RawMessage
	at   int
}

// count returns how many items the array has that begins here.
func (s splitter) count() (n int) {
	for ; s.more(']'); n++ {
		s.value()
	}
	return n
}

func (s *splitter) space() {
	for s.at < len(s.text) && bytes.IndexByte([]byte(" \t\r\n"), s.text[s.at]) >= 0 {
		s.at++
	}
}

// more goes on behind a bracket or a comma, and reports whether a value follows.
func (s *splitter) more(end byte) bool {
	s.space()
	if s.text[s.at] == end {
		return false
	}
	s.at++
	s.space()
	return s.text[s.at] != end
}

// value returns the value that begins here, and goes on behind it.
func (s *splitter) value() json.RawMessage {
	s.space()
	begin, depth := s.at, 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			s.skipString()
			if depth == 0 {
				return s.text[begin:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what the value is in
				return s.text[begin:s.at]
			}
			if depth--; depth == 0 {
				s.at++
				return s.text[begin:s.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.text[begin:s.at]
			}
		}
		s.at++
	}
	return s.text[begin:s.at]
}

func (s *splitter) skipString() {
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

// nameOf is what a member's name stands for.
func nameOf(written json.RawMessage) string {
	if bytes.IndexByte(written, '\\') < 0 {
		return string(written[1 : len(written)-1])
	}
	var name string
	if err := json.Unmarshal(written, &name); err != nil {
		panic(err) // it was checked before
	}
	return name
}
