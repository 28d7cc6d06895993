package strictjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// plain marks the ASCII characters that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// text reads a string and returns the bytes between its quotes, as written, and whether they have escapes.
func (s *scanner) text() (raw []byte, escaped bool, err *Error) {
	start := s.pos + 1
	for i := start; i < len(s.src); {
		c := s.src[i]
		switch {
		case plain[c]:
			i++
		case c == '"':
			s.pos = i + 1
			return s.src[start:i], escaped, nil
		case c == '\\':
			escaped = true
			size, err := s.escape(i)
			if err != nil {
				return nil, false, err
			}
			i += size
		case c < ' ':
			return nil, false, s.fail(i, "unescaped control character in a string")
		default:
			r, size := utf8.DecodeRune(s.src[i:])
			if r == utf8.RuneError && size == 1 {
				return nil, false, s.fail(i, "not UTF-8")
			}
			i += size
		}
	}
	return nil, false, s.fail(len(s.src), "unexpected end")
}

// escape checks the escape at offset i and returns its length in bytes; a surrogate pair counts as one escape.
func (s *scanner) escape(i int) (int, *Error) {
	if i+1 >= len(s.src) {
		return 0, s.fail(len(s.src), "unexpected end")
	}
	switch s.src[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		return s.unicodeEscape(i)
	}
	return 0, s.fail(i, "unknown escape in a string")
}

func (s *scanner) unicodeEscape(i int) (int, *Error) {
	r, ok := hex4(s.src[i:])
	if !ok {
		return 0, s.fail(i, `\u without four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(r) {
		return 6, nil
	}
	low, _ := hex4(s.src[i+6:])
	if utf16.DecodeRune(r, low) == utf8.RuneError { // no pair yields U+FFFD
		return 0, s.fail(i, "surrogate escape without its partner")
	}
	return 12, nil
}

// hex4 reads an escape at the start of b: \u and four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= (c|0x20) && (c|0x20) <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (s *scanner) number() *Error {
	s.take('-')
	if s.take('0') {
		if isDigit(s.peek()) {
			return s.fail(s.pos-1, "number with a leading zero")
		}
	} else if !s.digits() {
		return s.unexpected("a digit")
	}
	if s.take('.') && !s.digits() {
		return s.unexpected("a digit")
	}
	if s.take('e') || s.take('E') {
		_ = s.take('+') || s.take('-')
		if !s.digits() {
			return s.unexpected("a digit")
		}
	}
	return nil
}

// digits reads as many as there are and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.src) && isDigit(s.src[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) literal(word string) *Error {
	for i := range len(word) {
		if !s.take(word[i]) {
			return s.unexpected(word)
		}
	}
	return nil
}
