package httpapi

import "github.com/ecg-api/webhooks"

// eventWords describe the members of published events, payloads, recoveries and statistics.
var eventWords = map[string]wording{
	"eventType": {text: "The code of an event type.", example: `"vitals.observation.created"`},
	"data":      {text: "Any JSON value, kept byte for byte less the white space between tokens.", example: exampleData},
	"idempotencyKey": {
		text:    "For 24 hours a second event with this key is not published. At most 255 printable characters.",
		example: `"order-4711"`,
	},
	"orderingKey": {
		text:    "What has to arrive in order, for subscriptions that are ordered. At most 255 printable characters.",
		example: `"patient-7"`,
	},
	"PublishInput.version": {text: "Default: v1.", example: `"v1"`},
	"TestInput.eventType": {
		text:    "Default: the first that the subscription lists.",
		example: `"vitals.observation.created"`,
	},
	"TestInput.version": {text: "Default: the subscription's.", example: `"v1"`},
	"PublishBatchInput.events": {
		text:    "1–" + thousands(webhooks.MaxBatch) + " events.",
		example: `[{"eventType":"vitals.observation.created","data":{"code":"8867-4","value":72,"unit":"/min"}}]`,
	},
	"Published.deliveries":    {text: "How many subscriptions matched.", example: "2"},
	"duplicate":               {text: "It was published before, under the same key.", example: "false"},
	"deliveries":              {},
	"total":                   {example: "2"},
	"pending":                 {example: "1"},
	"succeeded":               {example: "1"},
	"failed":                  {example: "0"},
	"cancelled":               {example: "0"},
	"activations":             {text: "The first " + thousands(maxActivations) + "."},
	"Stats.total":             {},
	"items":                   {},
	"subscriptionId":          {example: `"0195d3a0-5a3e-7000-8000-000000000003"`},
	"matched":                 {example: "true"},
	"Explanation.reason":      {text: "Why it did not match; null if it did.", example: "null"},
	"activationId":            {example: `"0195d3a0-5a3e-7000-8000-000000000004"`},
	"FilterResult.reason":     {text: "Why the subscription would not get it; null if it would.", example: "null"},
	"FilterResult.matched":    {text: "Whether the subscription would get it.", example: "true"},
	"FilterResult.eventId":    {text: "The id of the published event.", example: `"0195d3a0-5a3e-7000-8000-000000000003"`},
	"FilterTestInput.events":  {text: "Ids, codes and patterns, as in a subscription. Default: all.", example: `["vitals.*"]`},
	"FilterTestInput.version": {text: "Of the codes and patterns. Default: v1.", example: `"v1"`},
	"Explanation.status":      {text: "Of the activation.", example: `"succeeded"`},
	"activityId":              {example: `"0195d3a0-5a3e-7000-8000-000000000004"`},
	"body": {
		text: "The exact bytes to send, as a text.",
		example: `"{\"id\":\"0195d3a0-5a3e-7000-8000-000000000009\",\"type\":\"vitals.observation.created\",\"version\":\"v1\",` +
			`\"timestamp\":\"2026-08-18T10:03:03.750Z\",\"data\":{}}"`,
	},
	"Payload.payload": {text: "The body as JSON.", example: exampleBody},
	"Payload.headers": {
		text:    "The request headers that go with it: the signatures, the hash, the content type.",
		example: `{"X-Webhook-Hash":` + exampleHash + `}`,
	},
	"Payload.createdAt":    {text: "Unix milliseconds.", example: "1786960983750"},
	"Hash.createdAt":       {text: "Unix milliseconds.", example: "1786960983750"},
	"HashInput.createdAt":  {text: "Unix milliseconds.", example: "1786960983750"},
	"hash":                 {text: "Lower-case hex of HMAC-SHA256 over createdAt, a dot and the body.", example: exampleHash},
	"algorithm":            {example: `"HMAC-SHA256"`},
	"SigningKey.algorithm": {example: `"ed25519"`},
	"publicKey":            {text: "whpk_ and base64.", example: `"whpk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`},
	"HashInput.payload": {
		text:    "An object, whose bytes count less the white space between tokens; or the raw body as a text.",
		example: exampleBody,
	},
	"value": {example: "true"},

	"RecoveryInput.since": {
		text:    "Deliveries made, or events published, at or after this.",
		example: `"2026-08-17T00:00:00Z"`,
	},
	"until": {
		text:    "And before this. Default, and at most: now, with the whole of this millisecond.",
		example: `"2026-08-18T00:00:00Z"`,
	},
	"RecoveryInput.status": {
		text:    "What failed; what was published while the subscription was off; or both.",
		example: `"all"`,
	},
	"dryRun":        {text: "Only count.", example: "false"},
	"ratePerSecond": {text: "How many are queued in a second, 1–10,000. Default: as fast as it goes.", example: "50"},
	"RecoveryInput.id": {
		text:    "The id that the job gets, best a UUID of version 7. Default: a new one.",
		example: exampleID,
	},
	"RecoveryStarted.id":      {text: "null for a dry run.", example: exampleID},
	"RecoveryStarted.matched": {example: "120"},
	"Recovery.matched":        {text: "What was found when the job was made.", example: "120"},
	"queued":                  {text: "So far.", example: "80"},
	"state":                   {example: `"running"`},
	"finishedAt":              {example: "null"},
	"from":                    {text: "When the bucket begins."},
	"StatsBucket.attempts":    {text: "Those that succeeded or failed.", example: "100"},
	"StatsBucket.succeeded":   {example: "98"},
	"StatsBucket.failed":      {example: "2"},
	"successRate":             {text: "0–1.", example: "0.98"},
	"p50Ms":                   {example: "38"},
	"p95Ms":                   {example: "120"},
	"p99Ms":                   {example: "310"},
}
