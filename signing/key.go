package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"log/slog"
)

// Key is a parsed secret, the key of an HMAC. Get one from [ParseSecret]; the
// zero Key signs and verifies nothing.
//
// A Key does not show its bytes: fmt with any verb, log/slog and encoders that
// use encoding.TextMarshaler get a fixed text.
type Key struct {
	redacted
	secret sealed
}

// HMAC returns a new HMAC-SHA256 under this key, for a [Signer] with a scheme of
// its own. It panics if the Key is zero, rather than sign with no secret.
func (k Key) HMAC() hash.Hash {
	if k.isZero() {
		panic("signing: use of a zero Key")
	}
	return hmac.New(sha256.New, k.secret())
}

func newKey(b []byte) Key { return Key{secret: seal(b)} }

func (k Key) isZero() bool { return k.secret == nil }

// sealed returns the bytes of a key. It is a function because fmt, and other code
// that walks values by reflection, cannot look into a function. The methods below
// do not help in an unexported field, where fmt cannot call them. A pointer does
// not help either: fmt follows it when the verb does not fit, as in %s.
type sealed func() []byte

func seal(b []byte) sealed { return func() []byte { return b } }

const redactedText = "[redacted]"

// redacted is embedded in types that must not be printed.
type redacted struct{}

// String returns the fixed text [redacted].
func (redacted) String() string { return redactedText }

// GoString returns the fixed text [redacted].
func (redacted) GoString() string { return redactedText }

// Format writes the fixed text [redacted] for every verb and flag.
func (redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedText) }

// LogValue returns the fixed text [redacted].
func (redacted) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalText returns the fixed text [redacted].
func (redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }
