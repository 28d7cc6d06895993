package signing

import (
	"net/http"
	"strings"
)

// The headers of a signed webhook, in net/http's canonical spelling. On the wire
// their case does not matter.
const (
	// HeaderID is the message's id, the same on every retry.
	HeaderID = "Webhook-Id"
	// HeaderTimestamp is the time of this attempt in Unix seconds.
	HeaderTimestamp = "Webhook-Timestamp"
	// HeaderSignature is a space-separated list of version,base64.
	HeaderSignature = "Webhook-Signature"
	// HeaderHash is the hash scheme's signature in lowercase hex.
	HeaderHash = "X-Webhook-Hash"
	// HeaderCreatedAt is the time of this attempt in Unix milliseconds.
	HeaderCreatedAt = "X-Webhook-Created-At"
)

// The versions of a Standard Webhooks signature, with the comma that follows.
const (
	versionHMAC    = "v1,"
	versionEd25519 = "v1a,"
)

// values returns all values of a header in any spelling of its name: the names
// of a request that did not come through net/http may not be canonical.
func values(h http.Header, name string) []string {
	var all []string
	for key, v := range h {
		if strings.EqualFold(key, name) {
			all = append(all, v...)
		}
	}
	return all
}

// validID says whether id can be signed. It is visible ASCII, to fit a header,
// and has no full stop: with one, "a.1" + "." + "2" and "a" + "." + "1.2" would
// have the same signature, and a part of one field could pass for another.
func validID(id string) bool {
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' || c == '.' {
			return false
		}
	}
	return id != ""
}

// appendPrefix appends the bytes that are signed before the body: the id, the
// timestamp as written in the header, and a full stop after each.
func appendPrefix(dst []byte, id string, timestamp []byte) []byte {
	dst = append(append(dst, id...), '.')
	return append(append(dst, timestamp...), '.')
}
