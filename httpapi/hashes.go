package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/ecg-api/webhooks/internal/strictjson"
)

var hashRoutes = group{
	tag: "WebhookPayloadHash", description: "Payloads and their hashes.",
	routes: []route{
		{
			method: http.MethodPost, path: hashesPath + "/webhooks-payloads", access: tenantWrite, handler: (*api).makePayload,
			id: "makePayload", summary: "Makes the body of a delivery with its hash, and adds the activity",
			details: "mode=dispatch: it is sent from here. mode=external: the caller sends body as it is, with headers, and saves the outcome.",
			query:   params(modeParam("dispatch", "external"), originalParam),
			body:    payloadInput{}, status: http.StatusCreated, answer: payloadWire{},
			errorCodes: []string{"archived", "event_inactive", "not_finished", "unknown_reference", "schema_mismatch"},
		},
		{
			method: http.MethodPost, path: hashesPath + "/validate-hash", access: tenantRead, handler: (*api).validateHash,
			id: "validateHash", summary: "Validates the hash of a payload",
			body: hashInput{},
		},
		{
			method: http.MethodGet, path: hashesPath + "/activity/{activityId}/get-hash", access: tenantRead, handler: (*api).getHash,
			id: "getHash", summary: "Gets the hash that was sent with an activity",
			answer: hashWire{}, errorCodes: []string{"payload_removed"},
		},
	},
}

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

// validateHash takes the payload as an object, which is hashed without the white space
// between tokens, or as a string, which is the raw body.
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
	return c.reply(http.StatusOK, doneWire{valid})
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
