package httpapi

// commonWords describe the members of lists, errors and health, and components as a whole.
var commonWords = map[string]wording{
	"damaged": {
		text: "The members whose stored values cannot be read, which are shown as null or empty: overwrite them. Absent where there are " +
			"none.",
		example: `["headers"]`,
	},
	"truncated": {
		text: "True where a page or another answer would have more than " + mebibytes(maxPage) +
			": large members are left out, and shown as null or empty. Read " +
			"the item by itself. Otherwise absent.",
		example: "true",
	},

	"currentPageNumber": {text: "Echoes skip.", example: "0"},
	"recordsPerPage":    {example: "10"},
	"totalRecords":      {text: "Exact, unless maxTotal is given.", example: "1"},
	"totalPages":        {example: "1"},
	"nextCursor": {
		text: "For the next page; null on the last. A page that would have more than " + mebibytes(maxPage) +
			" has fewer items than take, unless skip is given.",
		example: "null",
	},

	"PartialSubscription.": {text: "The id alone; with include=subscription all members of Subscription."},
	"PartialEvent.":        {text: "The id alone; with include=event all members of Event."},
	"EventSelector.":       {text: "One event, or a pattern of codes."},
	"ActivityType.":        {text: "0 first post, 1 automatic retry, 2 manual retry, 3 test."},
	"ActivityStatus.":      {text: "unknown: the stored value cannot be read."},
	"RecoveryState.":       {text: "unknown: the stored value cannot be read."},

	"Problem.":       {text: "An error after RFC 9457. Switch on code."},
	"Problem.type":   {example: `"about:blank"`},
	"title":          {example: `"Bad Request"`},
	"Problem.status": {example: "400"},
	"detail":         {example: `"The request is not valid."`},
	"Problem.code":   {example: `"validation_failed"`},
	"requestId":      {text: "As in X-Request-Id, and in the log.", example: `"0195d3a0-5a3e-7000-8000-0000000000ff"`},
	"errors": {
		text:    "What is wrong, and where.",
		example: `[{"pointer":"/postUri","detail":"must be an absolute https URL"}]`,
	},
	"parameter":          {text: "Which query parameter it is.", example: `"take"`},
	"ErrorDetail.detail": {text: "What is allowed.", example: `"must be an integer, 1–100"`},
	"Health.status":      {text: "ok or error.", example: `"ok"`},
	"info":               {text: "The parts that are up."},
	"Health.error":       {text: "The parts that are down.", example: "{}"},
	"details":            {text: "All parts."},
	"HealthPart.status":  {text: "up or down.", example: `"up"`},
	"message":            {text: "Why it is down, or what is wrong although it is up.", example: `"does not answer"`},
	"path":               {text: "A JSON Pointer.", example: `"/description"`},
	"PortalLinkInput.path": {
		text:    "The page to begin with, relative to the address of the portal. Default: its first page.",
		example: `"endpoints"`,
	},
	"scopes": {
		text: "The rights of the person, at most those of the caller. Default: those of the scopes webhooks:read, webhooks:manage, " +
			"webhooks:write and webhooks:secrets that the caller has; of webhooks:admin webhooks:manage and webhooks:secrets.",
		example: `["webhooks:manage"]`,
	},
	"expiresIn":            {text: "Seconds for which the link can be used, 1–86,400. Default: 60.", example: "60"},
	"PortalLink.url":       {text: "The link. It is a secret until it is used.", example: `"https://example.com/webhooks/sign-in?token=…"`},
	"expiresAt":            {text: "The time until which the link can be used.", example: `"2026-08-18T10:04:03.750Z"`},
	"PatchOperation.from":  {text: "Of move and copy.", example: "null"},
	"PatchOperation.value": {text: "Of add, replace and test.", example: `"Heart rate and the like"`},
	"DeliveryBody.id": {
		text:    "The webhook-id, the same on every retry.",
		example: `"0195d3a0-5a3e-7000-8000-000000000009"`,
	},
	"DeliveryBody.type": {text: "The event's code.", example: `"vitals.observation.created"`},
	"timestamp":         {text: "When it was published.", example: `"2026-08-18T10:03:03.750Z"`},
}
