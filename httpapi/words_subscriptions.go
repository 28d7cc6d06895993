package httpapi

import "github.com/ecg-api/webhooks"

// organizationNameWords describe organizationId where organizations have names of the host.
var organizationNameWords = wording{
	text: "The host's name of an organization. In a path it is percent-encoded.", example: `"acme"`,
}

// subscriptionWords describe the members of subscriptions and their secrets.
var subscriptionWords = map[string]wording{
	"postUri": {
		text: "An absolute https URL; http for development where the host allows it. It is stored with its host in lower-case ASCII (IDNA), " +
			"without the port 443 of https or 80 of http, and with path and query percent-encoded. Without one the subscription is " +
			"inactive.",
		example: `"https://example.com/webhooks"`,
	},
	"isDevelopment": {example: "false"},
	"organizationId": {
		text:    "The host's id of an organization. Nothing can be made for the nil UUID.",
		example: `"0195d3a0-5a3e-7000-8000-0000000000aa"`,
	},
	"secretKey": {
		text: "The signing secret: whsec_ and base64, or the caller's own 8–256 printable ASCII characters, which must not look like the " +
			"first (\" whsec_…\", \"WHSEC_…\").",
		example: `"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`,
	},
	"Subscription.secretKey": {
		text: "In full only to a caller with webhooks:secrets that asks for this one; otherwise masked to its last four characters. Four " +
			"dots alone: it is damaged; set a new one.",
		example: `"••••Hh8="`,
	},
	"Subscription.events": {
		text: "What it wants.",
		example: `[{"id":"0195d3a0-5a3e-7000-8000-000000000002","name":"Observation created","code":"vitals.observation.created",` +
			`"version":"v1"},{"pattern":"vitals.*"}]`,
	},
	"SubscriptionInput.events": {
		text: "Ids or codes of events; a code means that of version. Beyond the reference: * for every event of version, vitals.* for those " +
			"below a dot.",
		example: `["vitals.observation.created","vitals.*"]`,
	},
	"SubscriptionInput.version": {text: "What codes and patterns mean. Default: v1.", example: `"v1"`},
	"headers": {
		text: "Static request headers, at most 20; none that HTTP or the dispatcher sets. The values are in full only where secretKey is, " +
			"and otherwise masked to their last four characters. A PATCH may leave a masked value as it is.",
		example: `{"X-Tenant":"••••nt-7"}`,
	},
	"SubscriptionInput.headers": {
		text:    "Static request headers, at most 20 of at most 4 KiB; none that HTTP or the dispatcher sets.",
		example: `{"X-Tenant":"tenant-7"}`,
	},
	"timeoutMs": {text: "Of one attempt, 1,000–30,000.", example: "10000"},
	"retrySchedule": {
		text: "The waits between attempts, at most 20 of at most 48h. While the receiver asks to wait (429, or 503 with Retry-After), or is " +
			"only probed because it failed 10 times in a row, none of them is used up.",
		example: `["5s","5m","2h"]`,
	},
	"secretOverlap": {text: "How long a replaced secret still signs.", example: `"24h"`},
	"ordered": {
		text: "One attempt at a time, in the order of publishing: among the events with the same orderingKey, and among those without one. " +
			"One that fails holds back those behind it until it ends.",
		example: "false",
	},
	"rateLimit": {
		text: "Requests per second, at most 10,000, from each process that dispatches. Where the receiver takes fewer, and says so by 429 " +
			"or Retry-After, the rate is lower.",
		example: "5",
	},
	"filter": {
		text:    "Conditions on the data; all must hold.",
		example: `[{"pointer":"/patient/ward","op":"eq","value":"icu"}]`,
	},
	"pointer":             {text: "A JSON Pointer (RFC 6901) into the data.", example: `"/patient/ward"`},
	"ErrorDetail.pointer": {text: "Where in the body it is, as a JSON Pointer.", example: `"/postUri"`},
	"op":                  {example: `"eq"`},
	"PatchOperation.op":   {example: `"replace"`},
	"Condition.value": {
		text:    "in takes an array, exists true or false, prefix a text, lt and gt a number or a text.",
		example: `"icu"`,
	},
	"pattern": {
		text:    "* for every event of the subscription's version, vitals.* for those below a dot.",
		example: `"vitals.*"`,
	},
	"Subscription.status": {},
	"SubscriptionStatus.state": {
		text:    "failing: the circuit is open. paused: somebody deactivated it. disabled: the dispatcher deactivated it, or it is archived.",
		example: `"enabled"`,
	},
	"SubscriptionStatus.circuit": {
		text: "Open after 10 failures without a success; null while it is closed, or nothing is sent. Deliveries wait, but for one probe at " +
			"a time. A probe that succeeds closes it: the next one, a test, or a retry that you ask for. activate does, too.",
		example: "null",
	},
	"SubscriptionStatus.backPressure": {
		text:    "The receiver answered 429, or 503 with Retry-After: deliveries, tests and retries wait. Otherwise null.",
		example: "null",
	},
	"Subscription.recent": {
		text: "With include=recent: about the newest " + thousands(webhooks.MaxRecent) + " activations, or all if there are fewer.",
	},
	"Recent.deliveries":               {text: "Activations that are summarized.", example: "420"},
	"Recent.pending":                  {text: "Of these, activations that have not ended.", example: "0"},
	"lastSuccessAt":                   {text: "When the last of these that succeeded was posted; null for none."},
	"Circuit.since":                   {text: "When the first failure after the last success began."},
	"failures":                        {text: "Since then; requests that were under way together count as one.", example: "12"},
	"nextProbeAt":                     {text: "The next attempt that is due then is sent, as a probe."},
	"BackPressure.since":              {text: "When the first request that was pushed back after the last success began."},
	"BackPressure.until":              {text: "Nothing is sent before.", example: `"2026-08-18T10:13:03.750Z"`},
	"reason":                          {example: "null"},
	"since":                           {},
	"validFrom":                       {},
	"validTo":                         {text: "null for the current one.", example: "null"},
	"subscription":                    {example: `{"id":"0195d3a0-5a3e-7000-8000-000000000003"}`},
	"SecretHistoryEntry.subscription": {text: "With include=subscription."},
}
