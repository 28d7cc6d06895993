package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

const auditPath = "/api/audit"

var auditRoutes = group{
	tag: "Audit", description: "Who changed which record, and when. Beyond the reference.",
	routes: []route{
		{
			method: http.MethodGet, path: organizationPath + "/audit", access: tenantRead, handler: (*api).listOrganizationAudit,
			id: "listOrganizationAudit", beyond: true, summary: "Lists the changes in an organization",
			details: "One entry for each change of a subscription or a secret, and for each test, retry, report, recovery and removal. " +
				"Entries hold no values. Published events and their deliveries are history, and have no entries.",
			query: params(cursorPageParams, auditParams), answer: history[auditEntryWire]{},
		},
		{
			method: http.MethodGet, path: auditPath, access: adminOnly, handler: (*api).listAudit,
			id: "listAudit", beyond: true, summary: "Lists the changes in all organizations and in the catalog",
			query: params(cursorPageParams, auditParams), answer: history[auditEntryWire]{},
		},
	},
}

// auditEntryWire is an entry of the audit trail.
type auditEntryWire struct {
	ID             uuid.UUID         `json:"id"`
	At             timestamp         `json:"at"`
	Actor          *string           `json:"actor"`
	Action         string            `json:"action"`
	Resource       auditResourceWire `json:"resource"`
	OrganizationID *organizationName `json:"organizationId"`
	RequestID      *string           `json:"requestId"`
	Changes        []string          `json:"changes"`
}

// auditResourceWire names the changed record.
type auditResourceWire struct {
	Type string  `json:"type"`
	ID   *string `json:"id"`
}

// The words of the trail. They are no enumerations of the document: generated clients would refuse
// a word that is added later.
var (
	auditActions   = words(webhooks.AuditActions())
	auditResources = words(webhooks.AuditResources())
)

func words[T ~string](of []T) []string {
	out := make([]string, len(of))
	for i, word := range of {
		out[i] = string(word)
	}
	return out
}

// maxAuditText bounds the texts that entries are compared with, in bytes.
const maxAuditText = 1000

var auditParams = []param{
	{name: "actor", text: "Only changes by this subject.", schema: object{{"type", "string"}, {"maxLength", maxAuditText}}, beyond: true},
	{
		name: "resourceType", text: "Only changes of this kind of record.", beyond: true,
		schema: object{{"type", "string"}, {"enum", auditResources}},
	},
	{
		name: "resourceId", text: "Only changes of the record with this id.", beyond: true,
		schema: object{{"type", "string"}, {"maxLength", maxAuditText}},
	},
	beyondReference(timeParam("since", "Changes at or after this time.")),
	beyondReference(timeParam("until", "Changes before this time.")),
}

// word returns one of the words, or "" if the parameter is not given.
func (q *query) word(name string, words []string) string {
	s := q.text(name)
	if s != "" && !slices.Contains(words, s) {
		q.addFault(name, "must be one of "+strings.Join(words, ", "))
		return ""
	}
	return s
}

// line returns a text without control characters, "" if the parameter is not given.
func (q *query) line(name string) string {
	s := q.text(name)
	if len(s) > maxAuditText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		q.addFault(name, "must be at most "+thousands(maxAuditText)+" bytes of UTF-8 without control characters")
		return ""
	}
	return s
}

func (a *api) listOrganizationAudit(c *call) error { return a.replyAudit(c, c.org) }

func (a *api) listAudit(c *call) error { return a.replyAudit(c, uuid.Nil) }

// replyAudit lists the entries of an organization, or all entries for a zero id.
func (a *api) replyAudit(c *call, org uuid.UUID) error {
	q := c.query()
	p := q.cursorPaging()
	aq := webhooks.AuditQuery{
		OrganizationID: org, Actor: q.line("actor"), Resource: webhooks.AuditResource(q.word("resourceType", auditResources)),
		ResourceID: q.line("resourceId"), Since: q.time("since"), Until: q.time("until"), Page: p.history(),
	}
	if err := q.err(); err != nil {
		return err
	}
	if id, ok := parseUUID(aq.ResourceID); ok {
		aq.ResourceID = id.String() // in small letters
	}
	found, err := a.hooks.AuditTrail(c.ctx(), aq)
	if err != nil {
		return err
	}
	for _, e := range found.Items {
		if err := c.nameOrganization(e.OrganizationID); err != nil {
			return err
		}
	}
	return c.reply(http.StatusOK, historyOf(found, p, func(e webhooks.AuditEntry) uuid.UUID { return e.ID }, c.showEntry))
}

func (c *call) showEntry(e webhooks.AuditEntry) auditEntryWire {
	w := auditEntryWire{
		ID: e.ID, At: timestamp(e.At), Actor: optional(e.Actor), Action: string(e.Action),
		Resource: auditResourceWire{string(e.Resource), optional(e.ResourceID)}, RequestID: optional(e.RequestID),
		Changes: append([]string{}, e.Changes...),
	}
	if e.OrganizationID != uuid.Nil {
		name := c.names[e.OrganizationID]
		w.OrganizationID = &name
		if e.ResourceID == e.OrganizationID.String() {
			w.Resource.ID = optional(string(name))
		}
	}
	return w
}
