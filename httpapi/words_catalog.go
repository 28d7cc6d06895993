package httpapi

// catalogWords describe the members of categories, event types and seed documents.
var catalogWords = map[string]wording{
	"id":   {example: exampleID},
	"name": {text: "1–200 characters.", example: `"Observation created"`},
	"code": {
		text:    "1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit. Case counts.",
		example: `"vitals.observation.created"`,
	},
	"description":             {text: "At most 2,000 characters.", example: `"A vital sign was measured"`},
	"version":                 {text: "1–32 of A-Z a-z 0-9 . _ -", example: `"v1"`},
	"archiveInfo":             {},
	"auditInfo":               {},
	"activeInfo":              {},
	"webhookCategory":         {},
	"archived":                {example: "false"},
	"archivedStatusChangedAt": {text: "When it was archived or restored last; null if never.", example: "null"},
	"active":                  {example: "true"},
	"activeStatusChangedAt":   {text: "When it was activated or deactivated last, or made."},
	"createdAt":               {},
	"updatedAt":               {},
	"createdBy":               {text: "The caller's subject.", example: `"alice"`},
	"updatedBy":               {text: "The caller's subject.", example: `"alice"`},
	"Category.code":           {example: `"vitals"`},
	"CategoryInput.code": {
		text:    "Unique. 1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit.",
		example: `"vitals"`,
	},
	"Category.name":             {example: `"Vital signs"`},
	"CategoryInput.name":        {text: "1–200 characters.", example: `"Vital signs"`},
	"Category.description":      {example: `"What monitors measure"`},
	"CategoryInput.description": {text: "At most 2,000 characters.", example: `"What monitors measure"`},
	"CategoryReference.code":    {example: `"vitals"`},
	"CategoryReference.name":    {example: `"Vital signs"`},
	"EventInput.code": {
		text:    "Unique together with version. 1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit.",
		example: `"vitals.observation.created"`,
	},
	"schema": {
		text: "A JSON Schema (2020-12) of the events' data, of at most 64 KiB; what does not match is not published. One that can take " +
			"exponential time to check is refused. A check has a budget of steps; data beyond it does not match.",
		example: `{"type":"object","required":["code"]}`,
	},
	"checksum":                {text: "Of the seed document.", example: exampleHash},
	"appliedAt":               {},
	"SeedVersion.version":     {text: "Of the seed document.", example: `"2026-08-01"`},
	"SeedVersion.description": {example: `"Vital signs"`},
}
