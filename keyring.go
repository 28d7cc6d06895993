package webhooks

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/ecg-api/webhooks/store"
)

// keyring encrypts signing secrets at rest with AES-256-GCM. A sealed secret is
//
//	form (1 byte) | key id (4 bytes) | checksum of the two (4 bytes) | nonce (12 bytes) | ciphertext and tag
//
// with the ids of the organization, the subscription and the secret as associated
// data: moved to another row, of whomever, it does not open. The checksum tells a
// key that is missing, which concerns all secrets under it, from a damaged row,
// which concerns itself. Without keys a secret is its form byte and its text.
type keyring struct {
	first head // what a secret begins with that is as it should be
	clear bool // there are no keys
	aeads map[head]cipher.AEAD
}

// head is the part of a sealed secret before the nonce.
type head [9]byte

const (
	formClear  = 0
	formSealed = 1
)

// errSealed is all that is told of a secret that does not open.
var errSealed = errors.New("webhooks: a signing secret cannot be decrypted with the keys in Config.SecretKeys")

func newKeyring(keys [][]byte) (*keyring, error) {
	k := &keyring{clear: len(keys) == 0, aeads: map[head]cipher.AEAD{}}
	for i, key := range keys {
		if len(key) != 32 {
			return nil, fmt.Errorf("webhooks: Config.SecretKeys[%d] has %d bytes, must have 32", i, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		h := headOf(key)
		if i == 0 {
			k.first = h
		}
		k.aeads[h] = aead
	}
	return k, nil
}

// headOf returns the head of what is sealed with a key. The id in it tells keys
// apart and says nothing about them.
func headOf(key []byte) (h head) {
	sum := sha256.Sum256(append([]byte("ecg-webhooks key id\x00"), key...))
	h[0] = formSealed
	copy(h[1:5], sum[:])
	binary.BigEndian.PutUint32(h[5:], crc32.ChecksumIEEE(h[:5]))
	return h
}

func (k *keyring) seal(row store.Secret, secret string) []byte {
	if k.clear {
		return append([]byte{formClear}, secret...)
	}
	aead := k.aeads[k.first]
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(append(k.first[:], nonce...), nonce, []byte(secret), place(row))
}

func (k *keyring) open(row store.Secret) (string, error) {
	sealed := row.Key
	switch {
	case len(sealed) > 0 && sealed[0] == formClear:
		return string(sealed[1:]), nil
	case len(sealed) < len(head{}):
		return "", errSealed
	}
	aead, rest := k.aeads[head(sealed)], sealed[len(head{}):]
	if aead == nil || len(rest) < aead.NonceSize() {
		return "", errSealed
	}
	nonce, text := rest[:aead.NonceSize()], rest[aead.NonceSize():]
	secret, err := aead.Open(nil, nonce, text, place(row))
	if err != nil {
		return "", errSealed
	}
	return string(secret), nil
}

// place is the associated data: where a secret belongs.
func place(row store.Secret) []byte {
	ids := make([]byte, 0, 48)
	ids = append(ids, row.OrganizationID[:]...)
	ids = append(ids, row.SubscriptionID[:]...)
	return append(ids, row.ID[:]...)
}

// wanted is the beginning of secrets that are sealed as new ones are.
func (k *keyring) wanted() []byte {
	if k.clear {
		return []byte{formClear}
	}
	return k.first[:]
}

// known are the beginnings of secrets that may open.
func (k *keyring) known() [][]byte {
	all := [][]byte{{formClear}}
	for h := range k.aeads {
		all = append(all, bytes.Clone(h[:]))
	}
	return all
}

// foreign reports whether a secret that begins as none of the known is sealed with
// a key that is not here. Else it is damaged.
func foreign(sealed []byte) bool {
	return len(sealed) >= len(head{}) && sealed[0] == formSealed &&
		binary.BigEndian.Uint32(sealed[5:]) == crc32.ChecksumIEEE(sealed[:5])
}
