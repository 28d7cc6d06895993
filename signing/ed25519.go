package signing

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// PublicKey verifies v1a signatures. It is no secret: hand it to receivers as
// its String.
type PublicKey [ed25519.PublicKeySize]byte

// ParsePublicKey reads whpk_ and the base64 of an ed25519 public key, 32 bytes.
// The error is [ErrInvalidKey].
func ParsePublicKey(text string) (PublicKey, error) {
	b, ok := decodePrefixed(text, prefixPublic)
	if !ok || len(b) != ed25519.PublicKeySize || PublicKey(b).isZero() {
		return PublicKey{}, fmt.Errorf("%w: a public key is %s and base64 of %d bytes, not all zero",
			ErrInvalidKey, prefixPublic, ed25519.PublicKeySize)
	}
	return PublicKey(b), nil
}

// String returns the key as text, whpk_ and base64.
func (p PublicKey) String() string {
	return prefixPublic + base64.StdEncoding.EncodeToString(p[:])
}

// isZero reports whether the key was never set. On Curve25519 it is a point of
// order four, under which anyone can forge signatures.
func (p PublicKey) isZero() bool { return p == PublicKey{} }

// verifies reports whether signature is a v1a signature of signed by this key.
func (p PublicKey) verifies(signed []byte, signature string) bool {
	b, ok := decodePrefixed(signature, versionEd25519)
	return ok && !p.isZero() && ed25519.Verify(p[:], signed, b)
}

// PrivateKey makes v1a signatures. Get one from [ParsePrivateKey]; the zero
// PrivateKey stands for none. Like a [Key] it does not show its bytes.
type PrivateKey struct {
	redacted
	secret sealed
}

// NewPrivateKey returns a new random private key as text: whsk_ and the base64 of
// 64 bytes. Keep it like any secret of the host.
func NewPrivateKey() string {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return prefixPrivate + base64.StdEncoding.EncodeToString(key)
}

// ParsePrivateKey reads whsk_ and the base64 of an ed25519 private key. Standard
// Webhooks 1.0 does not say which of the usual forms that is, so both are read:
// 64 bytes, the seed and its public key (RFC 8032; the form of Svix and of
// [NewPrivateKey]), or the seed's 32 alone. The error is [ErrInvalidKey].
func ParsePrivateKey(text string) (PrivateKey, error) {
	b, ok := decodePrefixed(text, prefixPrivate)
	if ok && (len(b) == ed25519.SeedSize || len(b) == ed25519.PrivateKeySize) {
		key := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
		if subtle.ConstantTimeCompare(key[:len(b)], b) == 1 {
			return PrivateKey{secret: seal(key)}, nil
		}
	}
	return PrivateKey{}, fmt.Errorf("%w: a private key is %s and base64 of %d bytes, or of %d that end in its public key",
		ErrInvalidKey, prefixPrivate, ed25519.SeedSize, ed25519.PrivateKeySize)
}

// Public returns the key that verifies p's signatures. For the zero PrivateKey it
// returns the zero PublicKey, which verifies nothing.
func (p PrivateKey) Public() PublicKey {
	if p.isZero() {
		return PublicKey{}
	}
	return PublicKey(p.secret()[ed25519.SeedSize:])
}

func (p PrivateKey) isZero() bool { return p.secret == nil }

func (p PrivateKey) sign(signed []byte) []byte {
	return ed25519.Sign(ed25519.PrivateKey(p.secret()), signed)
}

func decodePrefixed(text, prefix string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return nil, false
	}
	return decodeBase64(encoded)
}
