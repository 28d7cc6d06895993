package delivery

import (
	"maps"
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
	var b strings.Builder
	left, omitted := maxResponseHeaders-len(store.HeadersOmitted), false
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if isCredential(name) {
				value = signing.Mask("")
			}
			parts := [...]string{strings.Map(printable, name), ": ", strings.Map(printable, value), "\n"}
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

// printable replaces control characters. [strings.Map] gives it U+FFFD for bytes that are not UTF-8.
func printable(r rune) rune {
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
	lower := strings.ToLower(name)
	return lower != "www-authenticate" && lower != "proxy-authenticate" &&
		slices.ContainsFunc(credentialWords, func(word string) bool { return strings.Contains(lower, word) })
}

var credentialWords = []string{
	"auth", "cookie", "token", "secret", "password", "session", "credential", "signature", "api-key", "apikey", "api_key",
}
