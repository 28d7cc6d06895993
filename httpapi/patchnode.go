package httpapi

import (
	"bytes"
	"encoding/json"
	"slices"
)

// node is a JSON value that is being patched. The first operation below it splits it into its
// members or items: a hundred operations on a document of a megabyte must not parse it a hundred
// times. A value that no operation touches stays as it is written.
type node struct {
	text      json.RawMessage // valid JSON; meaningless once it is split
	container *container
}

// container holds the members of an object or the items of an array.
type container struct {
	object  bool
	items   []node         // of an array
	members []memberNode   // of an object, in their order; a removed member has no name
	byName  map[string]int // the place among the members
}

type memberNode struct {
	name  json.RawMessage // with quotes and escapes, as it is written
	value node
}

func (n *node) split() *container {
	if n.container != nil {
		return n.container
	}
	s := splitter{text: n.text}
	s.space()
	switch s.text[s.offset] {
	case '{':
		n.container = &container{object: true, byName: map[string]int{}}
		for s.more('}') {
			name := s.value()
			s.space()
			s.offset++ // the colon
			n.container.set(nameOf(name), name, node{text: s.value()})
		}
	case '[':
		n.container = &container{items: make([]node, 0, s.count())}
		for s.more(']') {
			n.container.items = append(n.container.items, node{text: s.value()})
		}
	}
	return n.container
}

// child returns a member or an item, nil if there is none.
func (n *node) child(token string) *node {
	c := n.split()
	if c == nil {
		return nil
	}
	if c.object {
		if i, ok := c.byName[token]; ok {
			return &c.members[i].value
		}
		return nil
	}
	if i, ok := index(token); ok && i < len(c.items) {
		return &c.items[i]
	}
	return nil
}

// add adds a member, or an item before the index or at the end, and reports whether
// there can be one.
func (n *node) add(token string, value node) bool {
	c := n.split()
	switch {
	case c == nil:
		return false
	case c.object:
		c.set(token, *quoted(token), value)
		return true
	case token == "-":
		c.items = append(c.items, value)
		return true
	}
	i, ok := index(token)
	if !ok || i > len(c.items) {
		return false
	}
	c.items = slices.Insert(c.items, i, value)
	return true
}

// remove removes a child that is there.
func (n *node) remove(token string) {
	c := n.split()
	if c.object {
		c.members[c.byName[token]] = memberNode{}
		delete(c.byName, token)
		return
	}
	i, _ := index(token)
	c.items = slices.Delete(c.items, i, i+1)
}

func (c *container) set(name string, written json.RawMessage, value node) {
	if i, ok := c.byName[name]; ok {
		c.members[i].value = value
		return
	}
	c.byName[name] = len(c.members)
	c.members = append(c.members, memberNode{written, value})
}

// size is the approximate length of the value as JSON: it does not count commas.
func (n *node) size() int {
	if n.container == nil {
		return len(n.text)
	}
	size := 2
	for i := range n.container.items {
		size += n.container.items[i].size()
	}
	for i := range n.container.members {
		size += len(n.container.members[i].name) + n.container.members[i].value.size()
	}
	return size
}

// appendTo appends the value as JSON.
func (n *node) appendTo(b []byte) []byte {
	if n.container == nil {
		return append(b, n.text...)
	}
	if !n.container.object {
		b = append(b, '[')
		for i := range n.container.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.container.items[i].appendTo(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	first := true
	for i := range n.container.members {
		m := &n.container.members[i]
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

// equal compares values by RFC 6902, section 4.6: numbers by value, objects in any order of their
// members. It splits no deeper than the first difference.
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
	text   json.RawMessage
	offset int
}

// count returns how many items the array has that begins here.
func (s splitter) count() (n int) {
	for ; s.more(']'); n++ {
		s.value()
	}
	return n
}

func (s *splitter) space() {
	for s.offset < len(s.text) && bytes.IndexByte([]byte(" \t\r\n"), s.text[s.offset]) >= 0 {
		s.offset++
	}
}

// more goes on behind a bracket or a comma, and reports whether a value follows.
func (s *splitter) more(end byte) bool {
	s.space()
	if s.text[s.offset] == end {
		return false
	}
	s.offset++
	s.space()
	return s.text[s.offset] != end
}

// value returns the value that begins here, and goes on behind it.
func (s *splitter) value() json.RawMessage {
	s.space()
	begin, depth := s.offset, 0
	for s.offset < len(s.text) {
		switch s.text[s.offset] {
		case '"':
			s.skipString()
			if depth == 0 {
				return s.text[begin:s.offset]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the end of the object or array that the value is in
				return s.text[begin:s.offset]
			}
			if depth--; depth == 0 {
				s.offset++
				return s.text[begin:s.offset]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.text[begin:s.offset]
			}
		}
		s.offset++
	}
	return s.text[begin:s.offset]
}

func (s *splitter) skipString() {
	for s.offset++; s.text[s.offset] != '"'; s.offset++ {
		if s.text[s.offset] == '\\' {
			s.offset++
		}
	}
	s.offset++
}

// nameOf returns a member's name without quotes and escapes.
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
