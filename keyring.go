package webhooks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ecg-api/webhooks/store"
)

// keyring encrypts signing secrets at rest with AES-256-GCM. A sealed secret is
//
//	form (1 byte) | key id (4 bytes) | nonce (12 bytes) | ciphertext and tag
//
// with the ids of the organization, the subscription and the secret as associated
// data, so that it does not open in another row. Without keys a secret is its form byte and its
// text.
type keyring struct {
	first [4]byte
	aeads map[[4]byte]cipher.AEAD
}

const (
	formClear  = 0
	formSealed = 1
)

var errSealed = errors.New("webhooks: a signing secret cannot be decrypted with the keys in Config.SecretKeys")

func newKeyring(keys [][]byte) (*keyring, error) {
	k := &keyring{aeads: map[[4]byte]cipher.AEAD{}}
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
		id := keyID(key)
		if i == 0 {
			k.first = id
		}
		k.aeads[id] = aead
	}
	return k, nil
}

// keyID tells keys apart and says nothing about them.
func keyID(key []byte) (id [4]byte) {
	sum := sha256.Sum256(append([]byte("ecg-webhooks key id\x00"), key...))
	copy(id[:], sum[:])
	return id
}

func (k *keyring) seal(row store.Secret, secret string) []byte {
	aead := k.aeads[k.first]
	if aead == nil {
		return append([]byte{formClear}, secret...)
	}
	out := append([]byte{formSealed}, k.first[:]...)
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	out = append(out, nonce...)
	return aead.Seal(out, nonce, []byte(secret), place(row))
}

func (k *keyring) open(row store.Secret) (string, error) {
	sealed := row.Key
	switch {
	case len(sealed) > 0 && sealed[0] == formClear:
		return string(sealed[1:]), nil
	case len(sealed) < 5 || sealed[0] != formSealed:
		return "", errSealed
	}
	aead := k.aeads[[4]byte(sealed[1:5])]
	if aead == nil || len(sealed) < 5+aead.NonceSize() {
		return "", errSealed
	}
	nonce, text := sealed[5:5+aead.NonceSize()], sealed[5+aead.NonceSize():]
	secret, err := aead.Open(nil, nonce, text, place(row))
	if err != nil {
		return "", errSealed
	}
	return string(secret), nil
}

func place(row store.Secret) []byte {
	ids := make([]byte, 0, 48)
	ids = append(ids, row.OrganizationID[:]...)
	ids = append(ids, row.SubscriptionID[:]...)
	return append(ids, row.ID[:]...)
}
