package signing

import (
	"fmt"
	"strings"
)

// Keys are the keys that a receiver trusts. A webhook signed with any one of them
// is accepted. Empty Keys accept nothing. Order does not matter.
type Keys struct {
	// Secrets verify v1 signatures. During a rotation keep the former one too.
	Secrets []Key
	// Public verify v1a signatures.
	Public []PublicKey
}

// ParseKeys reads one or more keys as a sender hands them out: a text that begins
// with whpk_ as by [ParsePublicKey], any other text as by [ParseSecret]. The error
// is [ErrInvalidKey], also if there is no key at all.
func ParseKeys(texts ...string) (Keys, error) {
	var keys Keys
	if len(texts) == 0 {
		return Keys{}, fmt.Errorf("%w: at least one is needed", ErrInvalidKey)
	}
	for i, text := range texts {
		if err := keys.add(text); err != nil {
			return Keys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
	}
	return keys, nil
}

func (k *Keys) add(text string) error {
	if strings.HasPrefix(text, prefixPublic) {
		key, err := ParsePublicKey(text)
		k.Public = append(k.Public, key)
		return err
	}
	key, err := ParseSecret(text)
	k.Secrets = append(k.Secrets, key)
	return err
}
