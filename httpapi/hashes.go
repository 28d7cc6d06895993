package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/ecg-api/webhooks/internal/strictjson"
)

// hashWire is the hash that went out with an attempt.
type hashWire struct {
	Hash      string `json:"hash"`
	CreatedAt int64  `json:"createdAt"` // Unix milliseconds
	Algorithm string `json:"algorithm"`
}

func (a *api) getHash(c *call) error {
	hash, createdAt, err := a.hooks.Signer.Hash(c.ctx(), c.org, c.id("subscriptionId"), c.id("activityId"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, hashWire{hash, createdAt, "HMAC-SHA256"})
}

type hashInput struct {
	Payload   json.RawMessage `json:"payload" wire:"required"`
	Hash      *string         `json:"hash" wire:"required"`
	CreatedAt *int64          `json:"createdAt" wire:"required"`
}

// validateHash takes the payload as an object, whose bytes count less the white
// space between tokens, or as a string, which is the raw body.
func (a *api) validateHash(c *call) error {
	var in hashInput
	if err := c.body(&in); err != nil {
		return err
	}
	body, err := hashedBody(in.Payload)
	if err != nil {
		return err
	}
	valid, err := a.hooks.Signer.ValidateHash(c.ctx(), c.org, c.id("subscriptionId"), body, *in.Hash, *in.CreatedAt)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, value{valid})
}

func hashedBody(payload json.RawMessage) ([]byte, error) {
	var text string
	switch payload[0] {
	case '"':
		err := json.Unmarshal(payload, &text)
		return []byte(text), err
	case '{':
		return strictjson.Compact(nil, payload, maxDepth)
	default:
		return nil, invalid("/payload", "must be an object, or a string with the raw body")
	}
}
