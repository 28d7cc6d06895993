package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
)

// tokenKind is the associated data of a token: a token of one kind is none of the other.
type tokenKind string

const (
	linkTokens    tokenKind = "link"
	sessionTokens tokenKind = "session"
)

// claims are the content of a token.
type claims struct {
	ID            uuid.UUID       `json:"id"`
	Subject       string          `json:"sub,omitempty"`
	Organizations []uuid.UUID     `json:"org,omitempty"`
	Everywhere    bool            `json:"all,omitempty"`
	Scopes        []httpapi.Scope `json:"scope,omitempty"`
	ExpiresAt     int64           `json:"exp"` // milliseconds since 1970
	Path          string          `json:"path,omitempty"`
}

func (c claims) expiresAt() time.Time { return time.UnixMilli(c.ExpiresAt).UTC() }

func (c claims) session() Session {
	return Session{
		ID: c.ID, Path: c.Path, ExpiresAt: c.expiresAt(),
		Caller: httpapi.Caller{Subject: c.Subject, Organizations: c.Organizations, AllOrganizations: c.Everywhere, Scopes: c.Scopes},
	}
}

// key encrypts tokens with AES-256-GCM, under a random nonce each.
type key struct{ cipher.AEAD }

const minKey = 32 // bytes

func newKeys(secrets [][]byte) ([]key, error) {
	if len(secrets) == 0 {
		return nil, errors.New("portal: LinksConfig.Keys is empty, must have at least one key")
	}
	var keys []key
	for i, secret := range secrets {
		if len(secret) < minKey {
			return nil, fmt.Errorf("portal: LinksConfig.Keys: key %d has %d bytes, must have at least %d", i+1, len(secret), minKey)
		}
		derived, err := hkdf.Key(sha256.New, secret, nil, "ecg-webhooks portal", minKey)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(derived)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key{aead})
	}
	return keys, nil
}

// maxToken bounds a token: browsers keep cookies of up to 4,096 bytes, with name and attributes.
const maxToken = 3800

var tokenEncoding = base64.RawURLEncoding.Strict()

// seal returns the token of claims.
func (l *Links) seal(kind tokenKind, c claims) string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts and numbers have a form in JSON
	}
	sealed := l.keys[0].Seal(nil, nil, text, []byte(kind)) //nolint:gosec // this cipher makes its nonce itself
	return tokenEncoding.EncodeToString(sealed)
}

// openToken returns the claims of a token, or false if it was not sealed with one of the keys.
func (l *Links) openToken(kind tokenKind, token string) (c claims, ok bool) {
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") { // which the decoder skips
		return claims{}, false
	}
	sealed, err := tokenEncoding.DecodeString(token)
	if err != nil {
		return claims{}, false
	}
	for _, k := range l.keys {
		if text, err := k.Open(nil, nil, sealed, []byte(kind)); err == nil {
			return c, json.Unmarshal(text, &c) == nil
		}
	}
	return claims{}, false
}
