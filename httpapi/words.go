package httpapi

import "maps"

// word says what a member means, and gives an example of it in JSON.
type word struct{ text, example string }

// wordsOf returns what is said of a component's member, or of the component itself
// for "". What is said of the name alone holds wherever no component says more.
func wordsOf(component, name string) word {
	if w, ok := vocabulary[component+"."+name]; ok {
		return w
	}
	return vocabulary[name]
}

const (
	exampleBody = `{"id":"0195d3a0-5a3e-7000-8000-000000000009","type":"vitals.observation.created","version":"v1","timestamp":"2026-08-18T10:03:03.750Z","data":{"code":"8867-4","value":72,"unit":"/min"}}`
	exampleHash = `"35c47c04434c647c7d05d0e79dcdf220415edaf4d3e9dc73bbe790b2edcf22c5"`
	exampleID   = `"0195d3a0-5a3e-7000-8000-000000000001"`
	exampleData = `{"code":"8867-4","value":72,"unit":"/min"}`
)

// vocabulary is what the interface's words mean.
var vocabulary = map[string]word{
	"id": {"", exampleID}, "name": {"1–200 characters.", `"Observation created"`},
	"code":        {"1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit. Case counts.", `"vitals.observation.created"`},
	"description": {"At most 2,000 characters.", `"A vital sign was measured"`},
	"version":     {"1–32 of A-Z a-z 0-9 . _ -", `"v1"`},
	"archiveInfo": {}, "auditInfo": {}, "activeInfo": {}, "webhookCategory": {},
	"archived": {"", "false"}, "archivedStatusChangedAt": {"When it was archived or restored last; null if never.", "null"},
	"active": {"", "true"}, "activeStatusChangedAt": {"When it was activated or deactivated last, or made.", ""},
	"createdAt": {}, "updatedAt": {}, "createdBy": {"The caller's subject.", `"alice"`}, "updatedBy": {"The caller's subject.", `"alice"`},
	"Category.code": {"", `"vitals"`}, "CategoryInput.code": {"Unique. 1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit.", `"vitals"`},
	"Category.name": {"", `"Vital signs"`}, "CategoryInput.name": {"1–200 characters.", `"Vital signs"`},
	"Category.description": {"", `"What monitors measure"`}, "CategoryInput.description": {"At most 2,000 characters.", `"What monitors measure"`},
	"CategoryReference.code": {"", `"vitals"`}, "CategoryReference.name": {"", `"Vital signs"`},
	"EventInput.code": {"Unique together with version. 1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit.", `"vitals.observation.created"`},
	"schema":          {"A JSON Schema (2020-12) of the events' data, of at most 64 KiB; what does not match is not published. One that can take exponential time to check is refused. A check has a budget of steps; data beyond it does not match.", `{"type":"object","required":["code"]}`},
	"checksum":        {"Of the seed document.", exampleHash}, "appliedAt": {},
	"SeedVersion.version": {"Of the seed document.", `"2026-08-01"`}, "SeedVersion.description": {"", `"Vital signs"`},

	"postUri":                   {"An absolute https URL; http for development where the host allows it. It is stored with its host in lower-case ASCII (IDNA), without the port 443 of https or 80 of http, and with path and query percent-encoded. Without one the subscription is inactive.", `"https://example.com/webhooks"`},
	"isDevelopment":             {"", "false"},
	"organizationId":            {"The host's id of an organization. Nothing can be made for the nil UUID.", `"0195d3a0-5a3e-7000-8000-0000000000aa"`},
	"secretKey":                 {"The signing secret: whsec_ and base64, or the caller's own 8–256 printable ASCII characters, which must not look like the first (\" whsec_…\", \"WHSEC_…\").", `"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`},
	"Subscription.secretKey":    {"In full only to a caller with webhooks:secrets that asks for this one; otherwise masked to its last four characters. Four dots alone: it is damaged; set a new one.", `"••••Hh8="`},
	"Subscription.events":       {"What it wants.", `[{"id":"0195d3a0-5a3e-7000-8000-000000000002","name":"Observation created","code":"vitals.observation.created","version":"v1"},{"pattern":"vitals.*"}]`},
	"SubscriptionInput.events":  {"Ids or codes of events; a code means that of version. Beyond the reference: * for every event of version, vitals.* for those below a dot.", `["vitals.observation.created","vitals.*"]`},
	"SubscriptionInput.version": {"What codes and patterns mean. Default: v1.", `"v1"`},
	"headers":                   {"Static request headers, at most 20; none that HTTP or the dispatcher sets. The values are in full only where secretKey is, and otherwise masked to their last four characters. A PATCH may leave a masked value as it is.", `{"X-Tenant":"••••nt-7"}`},
	"SubscriptionInput.headers": {"Static request headers, at most 20 of at most 4 KiB; none that HTTP or the dispatcher sets.", `{"X-Tenant":"tenant-7"}`},
	"timeoutMs":                 {"Of one attempt, 1,000–30,000.", "10000"},
	"retrySchedule":             {"The waits between attempts, at most 20 of at most 48h. While the receiver asks to wait (429, or 503 with Retry-After), or is only probed because it failed 10 times in a row, none of them is used up.", `["5s","5m","2h"]`},
	"ordered":                   {"One attempt at a time, in the order of publishing: among the events with the same orderingKey, and among those without one. One that fails holds back those behind it until it ends.", "false"},
	"rateLimit":                 {"Requests per second, at most 10,000, from each process that dispatches. Where the receiver takes fewer, and says so by 429 or Retry-After, the rate is lower.", "5"},
	"filter":                    {"Conditions on the data; all must hold.", `[{"pointer":"/patient/ward","op":"eq","value":"icu"}]`},
	"pointer":                   {"A JSON Pointer (RFC 6901) into the data.", `"/patient/ward"`},
	"ErrorDetail.pointer":       {"Where in the body it is, as a JSON Pointer.", `"/postUri"`},
	"op":                        {"", `"eq"`},
	"PatchOperation.op":         {"", `"replace"`},
	"Condition.value":           {"in takes an array, exists true or false, prefix a text, lt and gt a number or a text.", `"icu"`},
	"pattern":                   {"* for every event of the subscription's version, vitals.* for those below a dot.", `"vitals.*"`},
	"Subscription.status":       {}, "SubscriptionStatus.state": {"failing: the circuit is open. paused: somebody deactivated it. disabled: the dispatcher deactivated it, or it is archived.", `"enabled"`},
	"SubscriptionStatus.circuit":      {"Open after 10 failures without a success; null while it is closed, or nothing is sent. Deliveries wait, but for one probe at a time. A probe that succeeds closes it: the next one, a test, or a retry that you ask for. activate does, too.", "null"},
	"SubscriptionStatus.backPressure": {"The receiver answered 429, or 503 with Retry-After: deliveries, tests and retries wait. Otherwise null.", "null"},
	"Circuit.since":                   {"When the first failure after the last success began.", ""}, "failures": {"Since then; requests that were under way together count as one.", "12"},
	"nextProbeAt":        {"The next attempt that is due then is sent, as a probe.", ""},
	"BackPressure.since": {"When the first request that was pushed back after the last success began.", ""}, "BackPressure.until": {"Nothing is sent before.", `"2026-08-18T10:13:03.750Z"`},
	"reason": {"", "null"}, "since": {},
	"validFrom": {}, "validTo": {"null for the current one.", "null"},
	"subscription":                    {"", `{"id":"0195d3a0-5a3e-7000-8000-000000000003"}`},
	"SecretHistoryEntry.subscription": {"With include=subscription.", ""},

	"payload":    {"The data, a JSON value.", exampleData},
	"rawMessage": {"The whole body, or the source message that the caller gave.", `{"MSH":{"messageControlId":"SAMPLE-MSG-0001"}}`},
	"event":      {"", `{"id":"0195d3a0-5a3e-7000-8000-000000000002"}`}, "Sample.event": {"", `{"id":"0195d3a0-5a3e-7000-8000-000000000002","name":"Observation created","code":"vitals.observation.created","version":"v1"}`},
	"Sample.payload": {"Kept byte for byte, less the white space between tokens.", exampleData}, "SampleInput.payload": {"A JSON object; it must match the event's schema.", exampleData},
	"SampleInput.version": {"Default: the event's.", `"v1"`},
	"type":                {"", "0"},
	"status":              {"", `"succeeded"`}, "attempt": {"Its number in its chain, from 1.", "1"},
	"postedAt":                         {"When it was sent; null while it is queued.", ""},
	"posted_at":                        {"When it was sent; null while it is queued. Answers have it as postedAt, too.", ""},
	"ActivityInput.postedAt":           {"When the caller posted it. Absent or empty: it is queued, and sent from here.", `""`},
	"ActivityInput.rawMessage":         {"What the payload was made of, a JSON object: kept, never sent.", `{"MSH":{"messageControlId":"SAMPLE-MSG-0001"}}`},
	"ActivityInput.payload":            {"The data, a JSON object.", exampleData},
	"ActivityInput.type":               {"1 and 2 go with retryingFromPostId, 0 and 3 without.", "0"},
	"eventId":                          {"The id of the event type.", `"0195d3a0-5a3e-7000-8000-000000000002"`},
	"durationMs":                       {"How long the request took.", "41"},
	"httpStatusCode":                   {"null where there was no response.", "200"},
	"OutcomeInput.httpStatusCode":      {"A number, also as a text; null where there was no response.", "200"},
	"retryingFromPostId":               {"The activity that this one retries.", "null"},
	"ActivityInput.retryingFromPostId": {"The activity that this one retries; it joins its chain.", `""`},
	"nextRetryAt":                      {"When the automatic retry is due.", "null"},
	"heldUntil":                        {"Why a pending one is not sent yet: when the circuit's next probe is due, or until when the receiver's back-pressure holds it. Otherwise null.", "null"},
	"rawResponse":                      {"The response's body as text, at most 16 KiB.", `"ok"`},
	"OutcomeInput.rawResponse":         {"What came back: a text, or any JSON. At most 16 KiB are kept.", `"ok"`},
	"rawResponseEncoding":              {"base64 where the response is not UTF-8.", "null"},
	"error":                            {"One line for a person, such as HTTP 503, HTTP 302: redirects are not followed, or timeout after 15s.", "null"},
	"OutcomeInput.error":               {"Required where success is false.", "null"},
	"success":                          {"null until there is an outcome.", "true"},
	"OutcomeInput.success":             {"true or false, also as a text.", "true"},
	"originalActivityId":               {"The first activity of the chain.", `"0195d3a0-5a3e-7000-8000-000000000004"`},
	"attempts":                         {"How many there are, those to come included.", "1"},
	"level":                            {"1 for the activity itself.", "1"},
	"childPostHistory":                 {"The retries below it: as a tree, or flat as one list by time.", "[]"},

	"eventType":            {"The code of an event type.", `"vitals.observation.created"`},
	"data":                 {"Any JSON value, kept byte for byte less the white space between tokens.", exampleData},
	"idempotencyKey":       {"For 24 hours a second event with this key is not published. At most 255 printable characters.", `"order-4711"`},
	"orderingKey":          {"What has to arrive in order, for subscriptions that are ordered. At most 255 printable characters.", `"patient-7"`},
	"PublishInput.version": {"Default: v1.", `"v1"`}, "TestInput.eventType": {"Default: the first that the subscription lists.", `"vitals.observation.created"`},
	"TestInput.version":        {"Default: the subscription's.", `"v1"`},
	"PublishBatchInput.events": {"1–1,000 events.", `[{"eventType":"vitals.observation.created","data":{"code":"8867-4","value":72,"unit":"/min"}}]`},
	"Published.deliveries":     {"How many subscriptions matched.", "2"}, "duplicate": {"It was published before, under the same key.", "false"},
	"deliveries": {}, "total": {"", "2"}, "pending": {"", "1"}, "succeeded": {"", "1"}, "failed": {"", "0"}, "cancelled": {"", "0"},
	"activations": {"The first 100.", ""}, "Stats.total": {}, "items": {}, "subscriptionId": {"", `"0195d3a0-5a3e-7000-8000-000000000003"`},
	"matched": {"", "true"}, "Explanation.reason": {"Why it did not match; null if it did.", "null"},
	"activationId": {"", `"0195d3a0-5a3e-7000-8000-000000000004"`}, "Explanation.status": {"Of the activation.", `"succeeded"`},
	"activityId":      {"", `"0195d3a0-5a3e-7000-8000-000000000004"`},
	"body":            {"The exact bytes to send, as a text.", "\"{\\\"id\\\":\\\"0195d3a0-5a3e-7000-8000-000000000009\\\",\\\"type\\\":\\\"vitals.observation.created\\\",\\\"version\\\":\\\"v1\\\",\\\"timestamp\\\":\\\"2026-08-18T10:03:03.750Z\\\",\\\"data\\\":{}}\""},
	"Payload.payload": {"The body as JSON.", exampleBody}, "Payload.headers": {"The request headers that go with it: the signatures, the hash, the content type.", `{"X-Webhook-Hash":` + exampleHash + `}`},
	"Payload.createdAt": {"Unix milliseconds.", "1786960983750"}, "Hash.createdAt": {"Unix milliseconds.", "1786960983750"}, "HashInput.createdAt": {"Unix milliseconds.", "1786960983750"},
	"hash": {"Lower-case hex of HMAC-SHA256 over createdAt, a dot and the body.", exampleHash}, "algorithm": {"", `"HMAC-SHA256"`},
	"SigningKey.algorithm": {"", `"ed25519"`}, "publicKey": {"whpk_ and base64.", `"whpk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`},
	"HashInput.payload": {"An object, whose bytes count less the white space between tokens; or the raw body as a text.", exampleBody},
	"value":             {"", "true"},

	"RecoveryInput.since": {"Deliveries made, or events published, at or after this.", `"2026-08-17T00:00:00Z"`}, "until": {"And before this. Default, and at most: now, with the whole of this millisecond.", `"2026-08-18T00:00:00Z"`},
	"RecoveryInput.status": {"What failed; what was published while the subscription was off; or both.", `"all"`},
	"dryRun":               {"Only count.", "false"}, "ratePerSecond": {"How many are queued in a second, 1–10,000. Default: as fast as it goes.", "50"},
	"RecoveryStarted.id": {"null for a dry run.", exampleID}, "RecoveryStarted.matched": {"", "120"}, "Recovery.matched": {"What was found when the job was made.", "120"},
	"queued": {"So far.", "80"}, "state": {"", `"running"`}, "finishedAt": {"", "null"},
	"from": {"When the bucket begins.", ""}, "StatsBucket.attempts": {"Those that succeeded or failed.", "100"}, "StatsBucket.succeeded": {"", "98"}, "StatsBucket.failed": {"", "2"},
	"successRate": {"0–1.", "0.98"}, "p50Ms": {"", "38"}, "p95Ms": {"", "120"}, "p99Ms": {"", "310"},

	"damaged":   {"The members whose stored values cannot be read, which are shown as null or empty: overwrite them. Absent where there are none.", `["headers"]`},
	"truncated": {"True where a page or another answer would have more than 8 MiB: large members are left out, and shown as null or empty. Read the item by itself. Otherwise absent.", "true"},

	"currentPageNumber": {"Echoes skip.", "0"}, "recordsPerPage": {"", "10"}, "totalRecords": {"Exact.", "1"}, "totalPages": {"", "1"},
	"nextCursor": {"For the next page; null on the last. A page that would have more than 8 MiB has fewer items than take, unless skip is given.", "null"},

	"PartialSubscription.": {"The id alone; with include=subscription all members of Subscription.", ""}, "PartialEvent.": {"The id alone; with include=event all members of Event.", ""},
	"EventSelector.": {"One event, or a pattern of codes.", ""}, "ActivityType.": {"0 first post, 1 automatic retry, 2 manual retry, 3 test.", ""},
	"ActivityStatus.": {"unknown: the stored value cannot be read.", ""}, "RecoveryState.": {"unknown: the stored value cannot be read.", ""},

	"Problem.": {"An error after RFC 9457. Switch on code.", ""}, "Problem.type": {"", `"about:blank"`}, "title": {"", `"Bad Request"`}, "Problem.status": {"", "400"},
	"detail": {"", `"The request is not valid."`}, "Problem.code": {"", `"validation_failed"`}, "requestId": {"As in X-Request-Id, and in the log.", `"0195d3a0-5a3e-7000-8000-0000000000ff"`},
	"errors": {"What is wrong, and where.", `[{"pointer":"/postUri","detail":"must be an absolute https URL"}]`}, "parameter": {"Which query parameter it is.", `"take"`},
	"ErrorDetail.detail": {"What is allowed.", `"must be an integer, 1–100"`},
	"Health.status":      {"ok or error.", `"ok"`}, "info": {"The parts that are up.", ""}, "Health.error": {"The parts that are down.", "{}"}, "details": {"All parts.", ""},
	"HealthPart.status": {"up or down.", `"up"`}, "message": {"Why it is down, or what is wrong although it is up.", `"does not answer"`},
	"path": {"A JSON Pointer.", `"/description"`}, "PatchOperation.from": {"Of move and copy.", "null"}, "PatchOperation.value": {"Of add, replace and test.", `"Heart rate and the like"`},
	"DeliveryBody.id": {"The webhook-id, the same on every retry.", `"0195d3a0-5a3e-7000-8000-000000000009"`}, "DeliveryBody.type": {"The event's code.", `"vitals.observation.created"`},
	"timestamp": {"When it was published.", `"2026-08-18T10:03:03.750Z"`},
}

// beyondMembers are those that the reference does not have, in what it has.
var beyondMembers = func() map[string]bool {
	all := map[string]bool{}
	for component, names := range map[string][]string{
		"Event": {"schema", "damaged", "truncated"}, "Sample": {"damaged"}, "EventInput": {"schema"},
		"Subscription":       {"description", "headers", "timeoutMs", "retrySchedule", "rateLimit", "ordered", "filter", "status", "damaged", "truncated"},
		"SubscriptionInput":  {"description", "headers", "timeoutMs", "retrySchedule", "rateLimit", "ordered", "filter"},
		"Activity":           {"status", "attempt", "durationMs", "rawResponseEncoding", "heldUntil", "damaged", "truncated"},
		"Activation":         {"status", "attempt", "durationMs", "rawResponseEncoding", "heldUntil", "attempts", "damaged", "truncated"},
		"ActivityDetail":     {"damaged", "truncated", "status", "attempt", "durationMs", "rawResponseEncoding", "heldUntil", "postedAt", "httpStatusCode", "rawMessage", "auditInfo"},
		"SecretHistoryEntry": {"truncated"}, "ActivityHistory": {"nextCursor"}, "ActivationHistory": {"nextCursor"}, "SecretHistoryEntryHistory": {"nextCursor"},
	} {
		for _, name := range names {
			maps.Insert(all, maps.All(map[string]bool{component + "." + name: true}))
		}
	}
	return all
}()
