package httpapi

import (
	"net/http"

	"github.com/ecg-api/webhooks"
)

var deliveryRoutes = group{
	tag: "WebhookDeliveries", description: "What receivers get.",
	routes: []route{
		{
			method: http.MethodGet, path: "/api/webhook-deliveries/payload", access: catalogRead, handler: (*api).randomPayload,
			id: "getRandomPayload", summary: "Gets one of the sample payloads as the body of a delivery, at random",
			answer: deliveryBody{},
		},
		{
			method: http.MethodGet, path: "/api/signing-keys", access: catalogRead, handler: (*api).listKeys,
			id: "listSigningKeys", beyond: true, summary: "Lists the public keys that verify v1a signatures",
			answer: keysWire{},
		},
		{
			method: http.MethodGet, path: "/api/delivery-defaults", access: catalogRead, handler: (*api).getDefaults,
			id: "getDeliveryDefaults", beyond: true, summary: "Gets the settings of subscriptions that have none of their own",
			answer: deliveryDefaults{},
		},
	},
}

// getExample answers with a built-in example of an event's data.
func (a *api) getExample(c *call) error {
	q := c.query()
	name := q.choice("type", webhooks.Examples()...)
	if err := q.err(); err != nil {
		return err
	}
	category, id := c.eventTypeIDs()
	if _, err := a.hooks.Registry.EventType(c.ctx(), category, id); err != nil {
		return err
	}
	return c.send(http.StatusOK, webhooks.Example(name))
}

func (a *api) randomPayload(c *call) error {
	body, err := a.hooks.Registry.RandomPayload(c.ctx())
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, body)
}

// keyWire is a public key with which receivers can verify deliveries.
type keyWire struct {
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"publicKey"`
}

type keysWire struct {
	Items []keyWire `json:"items"`
}

// listKeys answers with the keys that verify the v1a signatures: none where the host
// has no key pair.
func (a *api) listKeys(c *call) error {
	out := keysWire{[]keyWire{}}
	if key := a.hooks.Signer.PublicKey(); key != "" {
		out.Items = append(out.Items, keyWire{"ed25519", key})
	}
	return c.reply(http.StatusOK, out)
}

// deliveryDefaults are the settings of the host for subscriptions without their own, and its overlap of secrets.
type deliveryDefaults struct {
	TimeoutMs     int64    `json:"timeoutMs"`
	RetrySchedule []string `json:"retrySchedule"`
	SecretOverlap string   `json:"secretOverlap"`
}

func (a *api) getDefaults(c *call) error {
	d := a.hooks.Subscriptions.Defaults()
	out := deliveryDefaults{d.Timeout.Milliseconds(), make([]string, len(d.RetrySchedule)), waitText(d.SecretOverlap)}
	for i, wait := range d.RetrySchedule {
		out.RetrySchedule[i] = waitText(wait)
	}
	return c.reply(http.StatusOK, out)
}

// deliveryBody is the body of a delivery.
type deliveryBody struct {
	ID        string `json:"id" schema:"format=uuid"`
	Type      string `json:"type"`
	Version   string `json:"version"`
	Timestamp string `json:"timestamp" schema:"format=date-time"`
	Data      any    `json:"data"`
}
