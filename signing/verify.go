package signing

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The reasons to refuse a webhook. The errors around them describe the fault and
// never hold a key or an expected signature: compare with [errors.Is].
var (
	// ErrMissingHeader says that one of the three webhook headers is absent or empty.
	ErrMissingHeader = errors.New("webhook header missing")
	// ErrMalformedHeader says that one of the three webhook headers is malformed.
	ErrMalformedHeader = errors.New("webhook header malformed")
	// ErrTimestampTooOld says that the webhook was signed too long ago: it may be
	// a replay.
	ErrTimestampTooOld = errors.New("webhook timestamp too old")
	// ErrTimestampTooNew says that the webhook's time is too far in the future.
	ErrTimestampTooNew = errors.New("webhook timestamp too new")
	// ErrSignature says that no signature over this id, timestamp and body was made
	// with a trusted key.
	ErrSignature = errors.New("webhook signature does not match")
)

// DefaultTolerance is how far the time of a webhook may be from the receiver's
// clock, either way. It is the tolerance of the Standard Webhooks libraries.
const DefaultTolerance = 5 * time.Minute

// maxSignatures bounds the work that an unsigned request can cause. Senders make
// one for each secret that is still valid.
const maxSignatures = 32

// Verify checks the Standard Webhooks signature of a request: that one of the
// signatures in h was made over body with one of the keys, at most tolerance from
// now. A tolerance of 0 or less means [DefaultTolerance]. To check a webhook that
// was stored earlier, pass its time of arrival as now.
//
// Several signatures and several keys are allowed, in any order, and versions
// other than v1 and v1a are ignored. Header names are found in any case. It
// returns nil, or one of [ErrMissingHeader], [ErrMalformedHeader],
// [ErrTimestampTooOld], [ErrTimestampTooNew] and [ErrSignature].
func Verify(h http.Header, body []byte, keys Keys, now time.Time, tolerance time.Duration) error {
	e, err := openEnvelope(h, now, tolerance)
	if err != nil {
		return err
	}
	return e.verify(body, keys)
}

// envelope holds the values of the headers: well-formed, in time, not yet verified.
type envelope struct {
	id, timestamp string // as they came: these texts are signed
	signatures    []string
}

func openEnvelope(h http.Header, now time.Time, tolerance time.Duration) (envelope, error) {
	id, err := single(h, HeaderID)
	if err != nil {
		return envelope{}, err
	}
	if !validID(id) {
		return envelope{}, fmt.Errorf("%w: %s must be visible ASCII without a full stop", ErrMalformedHeader, HeaderID)
	}
	timestamp, err := single(h, HeaderTimestamp)
	if err != nil {
		return envelope{}, err
	}
	if err := checkTime(timestamp, now, tolerance); err != nil {
		return envelope{}, err
	}
	signatures := strings.FieldsFunc(strings.Join(values(h, HeaderSignature), " "), isSpace)
	switch n := len(signatures); {
	case n == 0:
		return envelope{}, fmt.Errorf("%w: %s", ErrMissingHeader, HeaderSignature)
	case n > maxSignatures:
		return envelope{}, fmt.Errorf("%w: %s has %d signatures, %d are allowed",
			ErrMalformedHeader, HeaderSignature, n, maxSignatures)
	}
	return envelope{id, timestamp, signatures}, nil
}

// isSpace reports whether r separates signatures.
func isSpace(r rune) bool { return r == ' ' }

// single returns the value of a header that must occur exactly once. With two
// values, another reader of the request could choose the second one.
func single(h http.Header, name string) (string, error) {
	switch v := values(h, name); {
	case len(v) == 0 || len(v) == 1 && v[0] == "":
		return "", fmt.Errorf("%w: %s", ErrMissingHeader, name)
	case len(v) > 1:
		return "", fmt.Errorf("%w: %s is there %d times", ErrMalformedHeader, name, len(v))
	default:
		return v[0], nil
	}
}

func checkTime(timestamp string, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseUint(timestamp, 10, 40) // until the year 36812
	if err != nil {
		return fmt.Errorf("%w: %s is not a time in Unix seconds", ErrMalformedHeader, HeaderTimestamp)
	}
	if tolerance <= 0 {
		tolerance = DefaultTolerance
	}
	age := now.Sub(time.Unix(int64(seconds), 0))
	switch {
	case age > tolerance:
		return fmt.Errorf("%w: %s ago, %s is allowed", ErrTimestampTooOld, age.Round(time.Second), tolerance)
	case age < -tolerance:
		return fmt.Errorf("%w: %s ahead, %s is allowed", ErrTimestampTooNew, -age.Round(time.Second), tolerance)
	}
	return nil
}

func (e envelope) verify(body []byte, keys Keys) error {
	signed := append(appendPrefix(nil, e.id, []byte(e.timestamp)), body...)
	for _, key := range keys.Secrets {
		if !key.isZero() && e.containsHMAC(key, signed) {
			return nil
		}
	}
	for _, key := range keys.Public {
		if e.containsEd25519(key, signed) {
			return nil
		}
	}
	return fmt.Errorf("%w: tried %d signatures with %d secrets and %d public keys",
		ErrSignature, len(e.signatures), len(keys.Secrets), len(keys.Public))
}

// containsHMAC compares texts with their version, so that only the one encoding of
// a signature is accepted and no other version can match.
func (e envelope) containsHMAC(key Key, signed []byte) bool {
	sum := hashSum(nil, key.HMAC(), signed, nil)
	want := base64.StdEncoding.AppendEncode([]byte(versionHMAC), sum)
	for _, signature := range e.signatures {
		if hmac.Equal([]byte(signature), want) {
			return true
		}
	}
	return false
}

func (e envelope) containsEd25519(key PublicKey, signed []byte) bool {
	for _, signature := range e.signatures {
		if key.verifies(signed, signature) {
			return true
		}
	}
	return false
}
