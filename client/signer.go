package client

import (
	"context"
	"net/http"

	"github.com/google/uuid"
)

// Signer deals with hashes and public keys. Its methods take the name of an organization: see the
// comment of the package.
type Signer struct{ c *Client }

// Hash is the hash of the body of an attempt.
type Hash struct {
	Hash      string `json:"hash"`      // lower-case hex
	CreatedAt int64  `json:"createdAt"` // Unix milliseconds
	Algorithm string `json:"algorithm"` // HMAC-SHA256
}

// HashInput is a body with the hash that came with it.
type HashInput struct {
	// Payload is the raw body as a string, or a value that encodes to a JSON object. White space
	// between its tokens does not count.
	Payload   any    `json:"payload"`
	Hash      string `json:"hash"`      // the value of the header X-Webhook-Hash
	CreatedAt int64  `json:"createdAt"` // the value of the header X-Webhook-Created-At, Unix milliseconds
}

// SigningKey is a key that verifies signatures.
type SigningKey struct {
	Algorithm string `json:"algorithm"` // ed25519
	PublicKey string `json:"publicKey"` // whpk_ and base64
}

type signingKeys struct {
	Items []SigningKey `json:"items"`
}

func signerPath(org string, subscription uuid.UUID, more ...string) []string {
	return organizationPath(org, append([]string{"subscriptions", subscription.String()}, more...)...)
}

// Hash returns the hash that was sent with an attempt, or would be.
func (s *Signer) Hash(ctx context.Context, org string, subscription, attempt uuid.UUID) (Hash, error) {
	return get[Hash](ctx, s.c, signerPath(org, subscription, "activity", attempt.String(), "get-hash"), nil)
}

// ValidateHash reports whether a hash is right.
func (s *Signer) ValidateHash(ctx context.Context, org string, subscription uuid.UUID, in HashInput) (bool, error) {
	valid, err := call[done](ctx, s.c, request{
		method: http.MethodPost, path: signerPath(org, subscription, "validate-hash"), body: in, repeat: true,
	})
	return valid.Value, err
}

// Keys returns the public keys of the host; none where it has no ed25519 key.
func (s *Signer) Keys(ctx context.Context) ([]SigningKey, error) {
	found, err := get[signingKeys](ctx, s.c, []string{"api", "signing-keys"}, nil)
	return found.Items, err
}
