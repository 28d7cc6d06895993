package strictjson

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// scanner reads src once, from left to right. Every method that reads a part starts at the part's first byte and leaves
// pos behind its last byte. The text between white space is copied, so compact input is copied in one piece.
type scanner struct {
	src      []byte
	pos      int
	maxDepth int

	copying bool
	out     []byte
	copied  int // src before this offset is in out, or was white space

	unescaped []byte   // holds the names that were written with escapes
	path      []string // tokens of the pointer to a fault, innermost first
}

func (s *scanner) document() *Error {
	if bytes.HasPrefix(s.src, []byte("\uFEFF")) {
		return s.fail(0, "starts with a byte order mark")
	}
	s.space()
	if s.pos == len(s.src) {
		return s.fail(s.pos, "empty input")
	}
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.src) {
		return s.unexpected("nothing after the value")
	}
	s.copyTo(s.pos)
	return nil
}

// value reads any value that stands inside depth objects and arrays.
func (s *scanner) value(depth int) *Error {
	switch c := s.peek(); c {
	case '{', '[':
		if depth >= s.maxDepth {
			return s.fail(s.pos, "nesting deeper than "+strconv.Itoa(s.maxDepth))
		}
		if c == '[' {
			return s.array(depth + 1)
		}
		return s.object(depth + 1)
	case '"':
		_, _, err := s.text()
		return err
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.unexpected("a value")
}

func (s *scanner) object(depth int) *Error {
	s.pos++
	s.space()
	if s.take('}') {
		return nil
	}
	var seen nameSet
	for {
		name, err := s.member(&seen)
		if err != nil {
			return err
		}
		if err := s.value(depth); err != nil {
			s.path = append(s.path, string(name))
			return err
		}
		s.space()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected("',' or '}'")
		}
		s.space()
	}
}

// member reads up to a member's value and returns its name, unescaped.
func (s *scanner) member(seen *nameSet) ([]byte, *Error) {
	start := s.pos
	if s.peek() != '"' {
		return nil, s.unexpected("a member name in double quotes")
	}
	name, escaped, err := s.text()
	if err != nil {
		return nil, err
	}
	if escaped {
		name = s.unescape(name)
	}
	if !seen.add(name) {
		return nil, s.fail(start, "duplicate member "+quote(name))
	}
	s.space()
	if !s.take(':') {
		return nil, s.unexpected("':' after a member name")
	}
	s.space()
	return name, nil
}

func (s *scanner) array(depth int) *Error {
	s.pos++
	s.space()
	if s.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := s.value(depth); err != nil {
			s.path = append(s.path, strconv.Itoa(i))
			return err
		}
		s.space()
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected("',' or ']'")
		}
		s.space()
	}
}

// peek returns the next byte, or at the end 0, which begins and continues nothing.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.pos < len(s.src) && s.src[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// space skips the white space at pos, if any.
func (s *scanner) space() {
	if s.peek() > ' ' {
		return
	}
	s.copyTo(s.pos)
	for s.pos < len(s.src) && isSpace(s.src[s.pos]) {
		s.pos++
	}
	s.copied = s.pos
}

func (s *scanner) copyTo(end int) {
	if s.copying {
		s.out = append(s.out, s.src[s.copied:end]...)
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func (s *scanner) fail(offset int, reason string) *Error {
	return &Error{Offset: offset, Reason: reason}
}

// unexpected reports the byte at pos, where want should be.
func (s *scanner) unexpected(want string) *Error {
	if s.pos >= len(s.src) {
		return s.fail(len(s.src), "unexpected end")
	}
	r, size := utf8.DecodeRune(s.src[s.pos:])
	if r == utf8.RuneError && size == 1 {
		return s.fail(s.pos, "not UTF-8")
	}
	return s.fail(s.pos, "expected "+want+", found "+strconv.QuoteRune(r))
}
