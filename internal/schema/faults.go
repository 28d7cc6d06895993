package schema

import (
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Fault is one reason why a value does not match.
type Fault struct {
	Pointer string // RFC 6901, to the place in the value
	Detail  string // at most 503 bytes
}

const largeNumber = "a number of more than 400 characters or with an exponent beyond ±400"

// fault is a Fault that is written out if it is still one at the end: alternatives of
// anyOf fail all the time.
type fault struct {
	at   uint32
	text func() string
}

// fail notes a fault, if faults are wanted and there are not enough. It returns false.
func (r *run) fail(at uint32, text func() string) bool {
	r.spend(2)
	if r.quiet == 0 && len(r.faults) < r.most {
		r.faults = append(r.faults, fault{at, text})
	}
	return false
}

// is returns a function that returns the library's text of a fault.
func is(k jsonschema.ErrorKind) func() string { return func() string { return text(k) } }

func text(k jsonschema.ErrorKind) string { return k.LocalizedString(english) }

var english = message.NewPrinter(language.English)

func (r *run) list() []Fault {
	list := make([]Fault, len(r.faults))
	for i, f := range r.faults {
		list[i] = Fault{r.doc.pointer(f.at), cut(f.text())}
	}
	return list
}

// maxText is the length in bytes at which a text is cut.
const maxText = 500

// maxListed is the number of items or members that a fault names.
const maxListed = 20

// cut puts a text on one line, and bounds it.
func cut(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
