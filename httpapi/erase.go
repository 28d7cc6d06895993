package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

var removalRoutes = group{
	tag: "Removal", description: "Removing data where the law asks for it. Beyond the reference.",
	routes: []route{
		{
			method: http.MethodDelete, path: organizationPath + "/data", access: adminOnly, handler: (*api).eraseOrganization,
			id: "eraseOrganization", beyond: true, summary: "Removes everything of an organization",
			details: "A durable job: it goes on after a restart. Subscriptions are gone at once and nothing is sent any more; then " +
				"messages, deliveries, recoveries, idempotency keys and the audit trail go, except for the entries of such removals. " +
				"While the job runs, the same request answers with the same job, and a new subscription is 409 erasing.",
			query:  params(confirmParam),
			status: http.StatusAccepted, answer: erasureStarted{},
		},
		{
			method: http.MethodGet, path: "/api/erasures/{erasureId}", access: adminOnly, handler: (*api).getErasure,
			id: "getErasure", beyond: true, summary: "Gets the progress of the removal of an organization",
			answer: erasureWire{},
		},
		{
			method: http.MethodDelete, path: eventsPath + "/{eventId}/payload", access: tenantWrite, handler: (*api).removePayload,
			id: "removePayload", beyond: true, summary: "Removes the data of a published event, and the answers to its deliveries",
			details: "Queued deliveries are cancelled. The event and its history stay, and show expunged. Repeated, it answers the same.",
		},
	},
}

var confirmParam = required(param{
	name: "confirm", text: "The organization, as in the path: a guard against mistakes.", schema: object{{"type", "string"}}, beyond: true,
})

// erasureStarted is the answer to the removal of an organization.
type erasureStarted struct {
	ID uuid.UUID `json:"id"`
}

// erasureWire is the progress of the removal of an organization.
type erasureWire struct {
	ID             uuid.UUID        `json:"id"`
	OrganizationID organizationName `json:"organizationId"`
	State          string           `json:"state" schema:"is=ErasureState"`
	Subscriptions  int              `json:"subscriptions"`
	Messages       int              `json:"messages"`
	Attempts       int              `json:"attempts"`
	AuditEntries   int              `json:"auditEntries"`
	CreatedAt      timestamp        `json:"createdAt"`
	CreatedBy      *string          `json:"createdBy"`
	FinishedAt     timestamp        `json:"finishedAt"`
}

// expungedWire says when a payload was removed, and by whom.
type expungedWire struct {
	At timestamp `json:"at"`
	By *string   `json:"by"`
}

// showExpunged returns nil while the payload is there.
func showExpunged(e webhooks.Expunged) *expungedWire {
	if !e.Is() {
		return nil
	}
	return &expungedWire{timestamp(e.At), optional(e.By)}
}

func (a *api) eraseOrganization(c *call) error {
	q := c.query()
	if q.text("confirm") != string(c.names[c.org]) {
		q.addFault("confirm", "must repeat the organization of the path")
	}
	if err := q.err(); err != nil {
		return err
	}
	e, err := a.hooks.Erase(c.ctx(), c.org)
	if err != nil {
		return err
	}
	return c.reply(http.StatusAccepted, erasureStarted{e.ID})
}

func (a *api) getErasure(c *call) error {
	e, err := a.hooks.Erasure(c.ctx(), c.id("erasureId"))
	if err != nil {
		return err
	}
	if err := c.nameOrganization(e.OrganizationID); err != nil {
		return err
	}
	return c.record(http.StatusOK, erasureWire{
		ID: e.ID, OrganizationID: c.names[e.OrganizationID], State: e.State.String(),
		Subscriptions: e.Subscriptions, Messages: e.Messages, Attempts: e.Attempts, AuditEntries: e.AuditEntries,
		CreatedAt: timestamp(e.CreatedAt), CreatedBy: optional(e.CreatedBy), FinishedAt: timestamp(e.FinishedAt),
	})
}

func (a *api) removePayload(c *call) error {
	return c.done(a.hooks.Dispatcher.Expunge(c.ctx(), c.org, c.id("eventId")))
}
