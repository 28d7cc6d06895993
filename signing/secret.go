package signing

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidKey says that a text is not a secret, a public key or a private key.
// The error around it names the rule and never repeats the text.
var ErrInvalidKey = errors.New("invalid signing key")

// The prefixes of keys in text form, from Standard Webhooks 1.0, "Signature scheme".
const (
	prefixSecret  = "whsec_"
	prefixPublic  = "whpk_"
	prefixPrivate = "whsk_"
)

// Lengths in bytes. The lengths of a decoded secret are from Standard Webhooks 1.0.
const (
	minRaw, maxRaw         = 8, 256
	minDecoded, maxDecoded = 24, 64
	newSecretSize          = 32
)

// masked stands for the part of a secret that is not shown.
const masked = "••••"

// NewSecret returns a new random secret: whsec_ and the base64 of 32 bytes.
func NewSecret() string {
	random := make([]byte, newSecretSize)
	rand.Read(random) // never fails, see crypto/rand
	return prefixSecret + base64.StdEncoding.EncodeToString(random)
}

// ParseSecret returns the key that a secret stands for. After the prefix whsec_
// it must be padded standard base64 of 24 to 64 bytes, and these are the key.
// Without it, the text itself is the key: 8 to 256 printable ASCII characters.
// Any other text is [ErrInvalidKey], and so are the texts of ed25519 keys (whpk_,
// whsk_): a public key is known to everyone, so it cannot be a secret.
func ParseSecret(secret string) (Key, error) {
	if encoded, ok := strings.CutPrefix(secret, prefixSecret); ok {
		b, ok := decodeBase64(encoded)
		if !ok || len(b) < minDecoded || len(b) > maxDecoded {
			return Key{}, fmt.Errorf("%w: after %s a secret is base64 of %d to %d bytes",
				ErrInvalidKey, prefixSecret, minDecoded, maxDecoded)
		}
		return newKey(b), nil
	}
	if strings.HasPrefix(secret, prefixPublic) || strings.HasPrefix(secret, prefixPrivate) {
		return Key{}, fmt.Errorf("%w: an ed25519 key cannot be a secret", ErrInvalidKey)
	}
	if len(secret) < minRaw || len(secret) > maxRaw || !printable(secret) {
		return Key{}, fmt.Errorf("%w: a secret without %s is %d to %d printable ASCII characters",
			ErrInvalidKey, prefixSecret, minRaw, maxRaw)
	}
	return newKey([]byte(secret)), nil
}

// Mask returns a secret in a form for display: its last four characters after four
// dots, as in ••••3f9a. A text that is shorter than any secret becomes four dots.
func Mask(secret string) string {
	runes := []rune(secret)
	if len(runes) < minRaw {
		return masked
	}
	return masked + string(runes[len(runes)-4:])
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// decodeBase64 accepts only the one text that encodes the bytes: padded, no stray
// bits, and no line breaks, which package base64 would skip.
func decodeBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(s) == base64.StdEncoding.EncodedLen(len(b))
}
