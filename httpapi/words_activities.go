package httpapi

// activityWords describe the members of activities and sample payloads.
var activityWords = map[string]wording{
	"payload": {text: "The data, a JSON value.", example: exampleData},
	"rawMessage": {
		text:    "The whole body, or the source message that the caller gave.",
		example: `{"MSH":{"messageControlId":"SAMPLE-MSG-0001"}}`,
	},
	"event": {example: `{"id":"0195d3a0-5a3e-7000-8000-000000000002"}`},
	"Sample.event": {
		example: `{"id":"0195d3a0-5a3e-7000-8000-000000000002","name":"Observation created","code":"vitals.observation.created","version":"v1"}`,
	},
	"Sample.payload":      {text: "Kept byte for byte, less the white space between tokens.", example: exampleData},
	"SampleInput.payload": {text: "A JSON object; it must match the event's schema.", example: exampleData},
	"SampleInput.version": {text: "Default: the event's.", example: `"v1"`},
	"type":                {example: "0"},
	"status":              {example: `"succeeded"`},
	"attempt":             {text: "Its number in its chain, from 1.", example: "1"},
	"postedAt":            {text: "When it was sent; null while it is queued."},
	"posted_at":           {text: "When it was sent; null while it is queued. Answers have it as postedAt, too."},
	"ActivityInput.postedAt": {
		text:    "When the caller posted it. Absent or empty: it is queued, and sent from here.",
		example: `""`,
	},
	"ActivityInput.rawMessage": {
		text:    "What the payload was made of, a JSON object: kept, never sent.",
		example: `{"MSH":{"messageControlId":"SAMPLE-MSG-0001"}}`,
	},
	"ActivityInput.payload":            {text: "The data, a JSON object.", example: exampleData},
	"ActivityInput.type":               {text: "1 and 2 go with retryingFromPostId, 0 and 3 without.", example: "0"},
	"eventId":                          {text: "The id of the event type.", example: `"0195d3a0-5a3e-7000-8000-000000000002"`},
	"durationMs":                       {text: "How long the request took.", example: "41"},
	"httpStatusCode":                   {text: "null where there was no response.", example: "200"},
	"OutcomeInput.httpStatusCode":      {text: "A number, also as a text; null where there was no response.", example: "200"},
	"retryingFromPostId":               {text: "The activity that this one retries.", example: "null"},
	"ActivityInput.retryingFromPostId": {text: "The activity that this one retries; it joins its chain.", example: `""`},
	"nextRetryAt":                      {text: "When the automatic retry is due.", example: "null"},
	"heldUntil": {
		text: "Why a pending one is not sent yet: when the circuit's next probe is due, or until when the receiver's back-pressure holds " +
			"it. Otherwise null.",
		example: "null",
	},
	"rawResponse":              {text: "The response's body as text, at most 16 KiB.", example: `"ok"`},
	"OutcomeInput.rawResponse": {text: "What came back: a text, or any JSON. At most 16 KiB are kept.", example: `"ok"`},
	"rawResponseEncoding":      {text: "base64 where the response is not UTF-8.", example: "null"},
	"responseHeaders": {
		text: "The response's headers in the order of their names, at most 2 KiB; empty where none are kept. Values that are credentials, " +
			"such as those of Set-Cookie, are masked.",
		example: `[{"name":"Content-Type","value":"text/plain"}]`,
	},
	"requestHeaders": {
		text: "The headers that went out with the activity, computed from the subscription and its secrets at that time: without those " +
			"of the HTTP connection and of tracing. The subscription's own ones are those of today, their values masked. Empty where it was " +
			"not sent from here, where the payload was removed, and in childPostHistory.",
		example: `[{"name":"X-Webhook-Attempt","value":"1"}]`,
	},
	"responseHeadersTruncated": {text: "true where headers of the response are left out, because not all fit into 2 KiB.", example: "false"},
	"Header.name":              {example: `"Content-Type"`},
	"Header.value":             {example: `"text/plain"`},
	"error": {
		text:    "One line for a person, such as HTTP 503, HTTP 302: redirects are not followed, or timeout after 15s.",
		example: "null",
	},
	"OutcomeInput.error":   {text: "Required where success is false.", example: "null"},
	"success":              {text: "null until there is an outcome.", example: "true"},
	"OutcomeInput.success": {text: "true or false, also as a text.", example: "true"},
	"originalActivityId":   {text: "The first activity of the chain.", example: `"0195d3a0-5a3e-7000-8000-000000000004"`},
	"attempts":             {text: "How many there are, those to come included.", example: "1"},
	"messageId":            {text: "The event: the webhook-id of the request.", example: exampleID},
	"external":             {text: "The caller posts it and reports its outcome; it is not sent from here.", example: "false"},
	"requestBody": {
		text: "The body of the request, where rawMessage is the source message that the caller gave.", example: exampleBody,
	},
	"level":            {text: "1 for the activity itself.", example: "1"},
	"childPostHistory": {text: "The retries below it: as a tree, or flat as one list by time.", example: "[]"},
}
