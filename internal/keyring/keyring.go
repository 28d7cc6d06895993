// Package keyring encrypts short texts for storage with AES-256-GCM. The first key of a ring
// encrypts, every key decrypts, so that keys can be replaced while the texts are in use.
package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
)

// Ring is a list of keys. A sealed text is
//
//	form (1 byte) | key id (4 bytes) | checksum of form and id (4 bytes) | nonce (12 bytes) | ciphertext and tag
//
// The owner of the text is the associated data: a sealed text that was copied to another owner
// does not open. The checksum tells a missing key, which concerns every text under that key,
// from a damaged row, which concerns one text. A ring without keys stores the form byte and the
// plain text.
type Ring struct {
	current header // of texts that are sealed with the first key
	ids     []string
	ciphers map[header]cipher.AEAD
}

// header is the part of a sealed text before the nonce.
type header [9]byte

const (
	formClear  = 0
	formSealed = 1

	keySize = 32
)

// ErrCannotOpen is the error of every text that does not open. It does not tell the cause, so
// that it helps nobody who tries texts out.
var ErrCannotOpen = errors.New("keyring: the text cannot be decrypted with the keys of the ring")

// New returns the ring of the keys, 32 bytes each. Without keys, texts are stored in the clear.
func New(keys [][]byte) (*Ring, error) {
	r := &Ring{ciphers: map[header]cipher.AEAD{}}
	for i, key := range keys {
		if len(key) != keySize {
			return nil, fmt.Errorf("key %d has %d bytes, must have %d", i, len(key), keySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		h := headerOf(key)
		if i == 0 {
			r.current = h
		}
		r.ciphers[h] = aead
		r.ids = append(r.ids, hex.EncodeToString(h[1:5]))
	}
	return r, nil
}

// headerOf returns the header of texts that are sealed with a key. The id in the header
// distinguishes keys and reveals nothing about them.
func headerOf(key []byte) (h header) {
	sum := sha256.Sum256(append([]byte("ecg-webhooks key id\x00"), key...))
	h[0] = formSealed
	copy(h[1:5], sum[:])
	binary.BigEndian.PutUint32(h[5:], crc32.ChecksumIEEE(h[:5]))
	return h
}

// Encrypts reports whether Seal encrypts: whether the ring has keys.
func (r *Ring) Encrypts() bool { return len(r.ciphers) > 0 }

// Seal returns the form in which a text is stored for an owner.
func (r *Ring) Seal(text string, owner []byte) []byte {
	if len(r.ciphers) == 0 {
		return append([]byte{formClear}, text...)
	}
	aead := r.ciphers[r.current]
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(append(r.current[:], nonce...), nonce, []byte(text), owner)
}

// Open returns the text that was sealed for the owner, or [ErrCannotOpen].
func (r *Ring) Open(sealed, owner []byte) (string, error) {
	switch {
	case len(sealed) > 0 && sealed[0] == formClear:
		return string(sealed[1:]), nil
	case len(sealed) < len(header{}):
		return "", ErrCannotOpen
	}
	aead, body := r.ciphers[header(sealed)], sealed[len(header{}):]
	if aead == nil || len(body) < aead.NonceSize() {
		return "", ErrCannotOpen
	}
	nonce, ciphertext := body[:aead.NonceSize()], body[aead.NonceSize():]
	text, err := aead.Open(nil, nonce, ciphertext, owner)
	if err != nil {
		return "", ErrCannotOpen
	}
	return string(text), nil
}

// CurrentPrefix returns the first bytes of texts that are sealed as Seal does now.
func (r *Ring) CurrentPrefix() []byte {
	if len(r.ciphers) == 0 {
		return []byte{formClear}
	}
	return r.current[:]
}

// KnownPrefixes returns the first bytes of every text that this ring may open.
func (r *Ring) KnownPrefixes() [][]byte {
	all := [][]byte{{formClear}}
	for h := range r.ciphers {
		all = append(all, bytes.Clone(h[:]))
	}
	return all
}

// IDs returns the ids of the keys, the first key's first. They reveal nothing about the keys.
func (r *Ring) IDs() []string { return r.ids }

// SealedFrom returns the least bytes that a sealed text may have.
func SealedFrom() []byte { return []byte{formSealed} }

// NextID returns the id of the key that a text is sealed with, and the least bytes behind all texts with that key. The id is
// "" for a text that is in the clear or damaged.
func NextID(sealed []byte) (id string, next []byte) {
	h := make([]byte, len(header{}))
	copy(h, sealed)
	if LacksKey(sealed) {
		id = hex.EncodeToString(h[1:5])
	}
	for i := len(h) - 1; i >= 0; i-- {
		if h[i]++; h[i] != 0 {
			return id, h
		}
	}
	return id, nil
}

// LacksKey reports whether a text with none of the known prefixes is sealed with a key that is
// not in the ring. Otherwise the text is damaged.
func LacksKey(sealed []byte) bool {
	return len(sealed) >= len(header{}) && sealed[0] == formSealed &&
		binary.BigEndian.Uint32(sealed[5:]) == crc32.ChecksumIEEE(sealed[:5])
}
