package delivery

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// maxResponseHeaders bounds the bytes of headers that are kept of a response.
const maxResponseHeaders = 2 << 10

// responseHeaders returns the headers of a response as they are kept: in the order of their names,
// without the receiver's credentials. A header that does not fit is left out as a whole. The result
// shares no memory with h, which can be large.
func responseHeaders(h http.Header) store.HeaderLines {
	names, size := make([]string, 0, len(h)), 0
	for name, values := range h {
		names = append(names, name)
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\n")
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.Grow(min(size, maxResponseHeaders))
	left, omitted := maxResponseHeaders-len(store.HeadersOmitted), false
	for _, name := range names {
		secret := isCredential(name)
		for _, value := range h[name] {
			if secret {
				value = signing.Mask("")
			}
			parts := [...]string{printable(name), ": ", printable(value), "\n"}
			size := len(parts[0]) + len(parts[1]) + len(parts[2]) + len(parts[3])
			if size > left {
				omitted = true
				continue
			}
			left -= size
			for _, part := range parts {
				b.WriteString(part)
			}
		}
	}
	if omitted {
		return store.HeaderLines(store.HeadersOmitted + b.String())
	}
	return store.HeaderLines(b.String())
}

// printable replaces control characters, and bytes that are not UTF-8, by U+FFFD.
func printable(text string) string {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return strings.Map(printableRune, text)
		}
	}
	return text
}

func printableRune(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r):
		return unicode.ReplacementChar
	}
	return r
}

// isCredential reports whether the values of a header may let their reader act as the receiver, or
// as a user of the receiver. Challenges are none, and say why a receiver answers 401.
func isCredential(name string) bool {
	if strings.EqualFold(name, "WWW-Authenticate") || strings.EqualFold(name, "Proxy-Authenticate") {
		return false
	}
	var room [64]byte // most names fit, and take no memory
	lower := append(room[:0], name...)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	return slices.ContainsFunc(credentialWords, func(word []byte) bool { return bytes.Contains(lower, word) })
}

// credentialWords are parts of names of headers that carry credentials.
var credentialWords = bytes.Fields([]byte(`auth cookie token secret password session credential signature api-key apikey api_key`))
