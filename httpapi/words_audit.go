package httpapi

import "strings"

// auditWords describe the members of the audit trail and of removals.
var auditWords = map[string]wording{
	"AuditEntry.":   {text: "A change, without values."},
	"AuditEntry.at": {text: "When the change was made.", example: `"2026-08-18T10:03:03.750Z"`},
	"actor":         {text: "The subject of the caller; webhooks for a change by the dispatcher itself; null if unknown.", example: `"dora"`},
	"action": {
		text: "The kind of the record, a dot, and a word for the change: " + strings.Join(auditActions, ", ") +
			". Later versions may add words.",
		example: `"subscription.updated"`,
	},
	"resource": {text: "The changed record."},
	"changes":  {text: "The names of the changed members.", example: `["postUri","headers"]`},
	"AuditEntry.organizationId": {
		text:    "The owner of the record; null for a record of the operator's, such as a category.",
		example: `"7d3a5f0e-4c1b-4a8e-9f57-0d6a2c3b1e42"`,
	},
	"AuditEntry.requestId": {
		text: "The X-Request-Id of the request; null for a change without one.", example: `"0195d3a0-5a3e-7000-8000-0000000000ff"`,
	},
	"AuditResource.type": {text: strings.Join(auditResources, ", ") + ". Later versions may add words.", example: `"subscription"`},
	"AuditResource.id": {
		text:    "The id of the record: of a seed its version; null where the change is about all records of the kind.",
		example: exampleID,
	},

	"ErasureState.":         {text: "unknown: the stored value cannot be read."},
	"Erasure.state":         {example: `"running"`},
	"Erasure.subscriptions": {text: "Removed so far, including subscriptions that were deleted before.", example: "3"},
	"Erasure.messages":      {text: "Published events that were removed so far.", example: "1200"},
	"Erasure.attempts":      {text: "Activities that were removed so far.", example: "3100"},
	"auditEntries":          {text: "Removed so far.", example: "41"},
	"expunged": {
		text:    "When the payload was removed, and by whom. Absent while it is there.",
		example: `{"at":"2026-08-18T10:03:03.750Z","by":"dora"}`,
	},
	"Expunged.at": {text: "When the payload was removed.", example: `"2026-08-18T10:03:03.750Z"`},
	"by":          {text: "The subject of the caller.", example: `"dora"`},
}
