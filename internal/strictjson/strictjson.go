// Package strictjson checks and compacts one JSON value (RFC 8259) and is stricter than encoding/json. It also refuses
// texts that parsers are known to read in different ways, so that a checked text means the same to every later reader:
//
//   - bytes that are not UTF-8, and a byte order mark;
//   - a surrogate escape without its partner (\ud800), which names no character;
//   - two members of one object with the same name, compared after unescaping;
//   - nesting beyond the caller's limit.
//
// Numbers are checked for grammar only: 1e999 passes, and is kept as written.
package strictjson

import (
	"slices"
	"strconv"
	"strings"
)

// maxPointer is the greatest length of Error.Pointer, in bytes: the sender chooses the member names, and errors are logged.
const maxPointer = 1024

// Error names a fault and its place. Its texts are valid UTF-8 and of bounded length for any input.
type Error struct {
	// Offset is the position of the offending byte, from 0; the length of the input if that ended too early.
	Offset int
	// Pointer is the RFC 6901 pointer to the innermost value being read; "" is the whole document. For a fault in a
	// member's name (a duplicate, say) that value is the object. A pointer above 1,024 bytes stops at a value further out.
	Pointer string
	// Reason is a short phrase for people; it quotes at most 40 characters of the input.
	Reason string
}

// Error returns the reason, the offset and, inside an object or array, the pointer.
func (e *Error) Error() string {
	msg := e.Reason + " at byte " + strconv.Itoa(e.Offset)
	if e.Pointer != "" {
		msg += ", in " + strconv.Quote(e.Pointer)
	}
	return msg
}

// Compact appends to dst the JSON value in src without insignificant white space and returns the extended slice.
// Everything else stays byte for byte: number literals, member order, escapes. The value may nest objects and arrays
// maxDepth levels deep; 0 allows only scalars. Its errors are always *Error, and then dst is returned as it was.
// The two slices must not overlap. It does not retain src.
func Compact(dst, src []byte, maxDepth int) ([]byte, error) {
	s := scanner{src: src, out: slices.Grow(dst, len(src)), copying: true, maxDepth: maxDepth}
	if err := s.document(); err != nil {
		err.Pointer = s.pointer()
		return dst, err
	}
	return s.out, nil
}

// Check is Compact without the copy.
func Check(src []byte, maxDepth int) error {
	s := scanner{src: src, maxDepth: maxDepth}
	if err := s.document(); err != nil {
		err.Pointer = s.pointer()
		return err
	}
	return nil
}

var escapeToken = strings.NewReplacer("~", "~0", "/", "~1")

// pointer joins the tokens collected while a fault unwinds, which come innermost first.
func (s *scanner) pointer() string {
	var b strings.Builder
	for _, token := range slices.Backward(s.path) {
		if b.Len()+1+len(token) > maxPointer { // cheap for a huge name: decided before it is escaped
			break
		}
		token = escapeToken.Replace(token)
		if b.Len()+1+len(token) > maxPointer {
			break
		}
		b.WriteByte('/')
		b.WriteString(token)
	}
	return b.String()
}
