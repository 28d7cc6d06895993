package strictjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// linearNames is the number of member names of one object that are compared one by one. Above it a map takes over: the
// loop costs no allocation, the map keeps the time for an object with 100,000 members linear.
const linearNames = 32

// maxQuoted is the number of characters of a member name that a reason quotes.
const maxQuoted = 40

// nameSet holds the member names of one object; the zero value is empty. It lives on the stack until it needs the map.
type nameSet struct {
	few   [linearNames][]byte
	count int // in few; once there is a map, all names are in that
	large map[string]struct{}
}

// add reports whether name is new, and keeps it (not a copy, while there are few).
func (n *nameSet) add(name []byte) bool {
	if n.large != nil {
		return n.addLarge(name)
	}
	for i := range n.count {
		if bytes.Equal(n.few[i], name) {
			return false
		}
	}
	if n.count < linearNames {
		n.few[n.count] = name
		n.count++
		return true
	}
	n.large = make(map[string]struct{}, 2*linearNames)
	for _, known := range n.few {
		n.large[string(known)] = struct{}{}
	}
	return n.addLarge(name)
}

func (n *nameSet) addLarge(name []byte) bool {
	if _, ok := n.large[string(name)]; ok {
		return false
	}
	n.large[string(name)] = struct{}{}
	return true
}

// unescape returns the text that raw encodes. The caller has checked raw. The result stays valid for the whole scan: when
// the buffer grows, the old array is left as it is.
func (s *scanner) unescape(raw []byte) []byte {
	start := len(s.unescaped)
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			i = len(raw)
		}
		s.unescaped = append(s.unescaped, raw[:i]...)
		if raw = raw[i:]; len(raw) > 0 {
			r, size := escaped(raw)
			s.unescaped = utf8.AppendRune(s.unescaped, r)
			raw = raw[size:]
		}
	}
	return s.unescaped[start:]
}

// escaped decodes the escape at the start of raw.
func escaped(raw []byte) (r rune, size int) {
	switch c := raw[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, _ = hex4(raw)
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		low, _ := hex4(raw[6:])
		return utf16.DecodeRune(r, low), 12
	default:
		return rune(c), 2
	}
}

// quote escapes a name for a message and cuts it short.
func quote(name []byte) string {
	end := 0
	for range maxQuoted {
		_, size := utf8.DecodeRune(name[end:])
		end += size
	}
	if end < len(name) {
		return strconv.Quote(string(name[:end]) + "…")
	}
	return strconv.Quote(string(name))
}
