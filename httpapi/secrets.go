package httpapi

import (
	"cmp"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

var secretRoutes = group{
	tag: "WebhookSecretHistories", description: "Signing secrets and when they were valid.",
	routes: []route{
		{
			method: http.MethodGet, path: historiesPath, access: tenantSecrets, handler: (*api).listSecrets,
			id: "listSecretHistory", summary: "Lists the signing secrets of a subscription",
			query:  params(cursorPageParams, includeSubscriptionParam),
			answer: history[secretWire]{},
		},
		{
			method: http.MethodPost, path: historiesPath, access: tenantSecrets, handler: (*api).setSecret,
			id: "setSecret", summary: "Sets a signing secret of the caller's",
			body: secretInput{}, status: http.StatusCreated, answer: secretWire{},
			errorCodes: []string{"secret_unchanged", "archived"},
		},
	},
}

// secretInput is a secret of the caller's own.
type secretInput struct {
	SecretKey string `json:"secretKey" wire:"required"`
}

// secretKeyWire is the answer of GET secrets.
type secretKeyWire struct {
	SecretKey string `json:"secretKey"`
}

// secretWire is an entry of the secret history.
type secretWire struct {
	ID           uuid.UUID         `json:"id"`
	SecretKey    string            `json:"secretKey"`
	ValidFrom    timestamp         `json:"validFrom"`
	ValidTo      timestamp         `json:"validTo"`
	AuditInfo    auditInfo         `json:"auditInfo"`
	Subscription *subscriptionWire `json:"subscription,omitempty"`
	Truncated    bool              `json:"truncated,omitempty"`
}

func (w *secretWire) truncate() { w.Subscription, w.Truncated = nil, true }

// showSecret shows a secret in full, or one that is damaged as if masked.
func showSecret(s webhooks.Secret) secretWire {
	return secretWire{
		ID: s.ID, SecretKey: cmp.Or(s.Key, signing.Mask("")), ValidFrom: timestamp(s.ValidFrom), ValidTo: timestamp(s.ValidTo),
		AuditInfo: auditOf(s.Audit),
	}
}

func (a *api) getSecret(c *call) error {
	q := c.query()
	at := q.time("createdAt")
	if err := q.err(); err != nil {
		return err
	}
	// The subscription first: a secret that is replaced meanwhile comes with a tag
	// that PUT refuses.
	sub, err := a.hooks.Subscriptions.Get(c.ctx(), c.org, c.id("subscriptionId"))
	if err != nil {
		return err
	}
	found, err := a.hooks.Subscriptions.SecretAt(c.ctx(), c.org, sub.ID, at)
	if err != nil {
		return err
	}
	return c.resource(http.StatusOK, sub.Revision, secretKeyWire{found.Key})
}

func (a *api) rotateSecret(c *call) error {
	_, err := a.hooks.Subscriptions.RotateSecret(c.ctx(), c.org, c.id("subscriptionId"), c.unchanged)
	return c.done(err)
}

func (a *api) setSecret(c *call) error {
	var in secretInput
	if err := c.body(&in); err != nil {
		return err
	}
	made, err := a.hooks.Subscriptions.SetSecret(c.ctx(), c.org, c.id("subscriptionId"), in.SecretKey)
	if err != nil {
		return err
	}
	return c.record(http.StatusCreated, showSecret(made))
}

func (a *api) listSecrets(c *call) error {
	q := c.query()
	p, include := q.cursorPaging(), q.included("subscription")
	if err := q.err(); err != nil {
		return err
	}
	id := c.id("subscriptionId")
	found, err := readPage(c, include["subscription"], func(int) (webhooks.List[webhooks.Secret], error) {
		return a.hooks.Subscriptions.Secrets(c.ctx(), c.org, id, p.history())
	})
	if err != nil {
		return err
	}
	var nested *subscriptionWire
	if include["subscription"] {
		if nested, err = a.nested(c, id); err != nil {
			return err
		}
	}
	return replyPage(c, found, p, func(s webhooks.Secret) uuid.UUID { return s.ID }, func(s webhooks.Secret) secretWire {
		w := showSecret(s)
		w.Subscription = nested
		return w
	})
}

// nested returns a subscription as it is shown in another resource.
func (a *api) nested(c *call, id uuid.UUID) (*subscriptionWire, error) {
	found, err := a.hooks.Subscriptions.Get(c.ctx(), c.org, id)
	if err != nil {
		return nil, err
	}
	show, err := a.maskedView(c, []webhooks.Subscription{found})
	if err != nil {
		return nil, err
	}
	shown := show(found)
	return &shown, nil
}
