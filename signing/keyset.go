package signing

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// KeySet signs with one or more keys, in both schemes (see the package comment).
// It is prepared once and used for many messages, from any number of goroutines.
type KeySet struct {
	keys    []Key
	private PrivateKey
	scratch sync.Pool // of *scratch
}

var _ Signer = (*KeySet)(nil)

// NewKeySet returns a Signer for the secrets that are valid now, newest first:
// every one makes a v1 signature, the first also the hash. A private key adds a
// v1a signature; pass the zero PrivateKey for none. No secret, or a zero Key, is
// [ErrInvalidKey].
func NewKeySet(keys []Key, private PrivateKey) (*KeySet, error) {
	if len(keys) == 0 || slices.ContainsFunc(keys, Key.isZero) {
		return nil, fmt.Errorf("%w: a key set needs one or more secrets, none of them zero", ErrInvalidKey)
	}
	s := &KeySet{keys: slices.Clone(keys), private: private}
	s.scratch.New = func() any { return newScratch(s.keys) }
	return s, nil
}

// Sign sets the five headers of both schemes. The error is [ErrInvalidMessage].
func (s *KeySet) Sign(h http.Header, m Message) error {
	if err := m.validate(); err != nil {
		return err
	}
	w := s.scratch.Get().(*scratch)
	defer s.recycle(w)

	// All values are laid out in one buffer, to be allocated as one string.
	t := strconv.AppendInt(w.text[:0], m.At.Unix(), 10)
	seconds := len(t)
	t = strconv.AppendInt(t, m.At.UnixMilli(), 10)
	millis := len(t)
	w.signed = appendPrefix(w.signed[:0], m.ID, t[:seconds])
	t = w.appendHMACs(t, m.Body)
	t = s.appendEd25519(t, w, m.Body)
	signatures := len(t)
	t = w.appendHash(t, m)
	w.text = t

	text := string(t)
	setHeaders(h, m.ID, text[:seconds], text[seconds:millis], text[millis:signatures], text[signatures:])
	return nil
}

// setHeaders replaces five calls of h.Set, with one allocation.
func setHeaders(h http.Header, id, timestamp, createdAt, signature, hash string) {
	v := []string{id, timestamp, createdAt, signature, hash}
	h[HeaderID] = v[0:1:1]
	h[HeaderTimestamp] = v[1:2:2]
	h[HeaderCreatedAt] = v[2:3:3]
	h[HeaderSignature] = v[3:4:4]
	h[HeaderHash] = v[4:5:5]
}

// appendEd25519 appends the v1a signature after the v1 signatures, if there is a
// private key.
func (s *KeySet) appendEd25519(dst []byte, w *scratch, body []byte) []byte {
	if s.private.isZero() {
		return dst
	}
	w.signed = append(w.signed, body...)
	dst = append(append(dst, ' '), versionEd25519...)
	return base64.StdEncoding.AppendEncode(dst, s.private.sign(w.signed))
}

// maxScratch is the size in bytes above which a scratch is not kept for reuse.
const maxScratch = 64 << 10

func (s *KeySet) recycle(w *scratch) {
	if cap(w.signed) <= maxScratch {
		s.scratch.Put(w)
	}
}

// scratch holds the buffers of one call of Sign.
type scratch struct {
	macs   []hash.Hash // one for each key; after a first Reset they cost little
	signed []byte      // the signed prefix; for ed25519 the body follows
	text   []byte      // header values, end to end
	sum    []byte      // one HMAC
}

func newScratch(keys []Key) *scratch {
	w := &scratch{macs: make([]hash.Hash, len(keys))}
	for i, key := range keys {
		w.macs[i] = key.HMAC()
	}
	return w
}

func (w *scratch) appendHMACs(dst, body []byte) []byte {
	for i, mac := range w.macs {
		if i > 0 {
			dst = append(dst, ' ')
		}
		mac.Reset()
		w.sum = hashSum(w.sum[:0], mac, w.signed, body)
		dst = base64.StdEncoding.AppendEncode(append(dst, versionHMAC...), w.sum)
	}
	return dst
}

func (w *scratch) appendHash(dst []byte, m Message) []byte {
	mac := w.macs[0]
	mac.Reset()
	w.signed = appendCreatedAt(w.signed[:0], m.At.UnixMilli())
	w.sum = hashSum(w.sum[:0], mac, w.signed, m.Body)
	return hex.AppendEncode(dst, w.sum)
}
