package httpapi

import (
	"maps"
	"slices"
	"strconv"
)

// wording is the text and the example of a member, or the text of a component. The example is JSON.
type wording struct{ text, example string }

// wordsOf returns the wording of a component's member, or of the component itself for "".
func wordsOf(component, name string) wording {
	if w, ok := vocabulary[component+"."+name]; ok {
		return w
	}
	return vocabulary[name]
}

const (
	exampleBody = `{"id":"0195d3a0-5a3e-7000-8000-000000000009","type":"vitals.observation.created","version":"v1",` +
		`"timestamp":"2026-08-18T10:03:03.750Z","data":` + exampleData + `}`
	exampleHash = `"35c47c04434c647c7d05d0e79dcdf220415edaf4d3e9dc73bbe790b2edcf22c5"`
	exampleID   = `"0195d3a0-5a3e-7000-8000-000000000001"`
	exampleData = `{"code":"8867-4","value":72,"unit":"/min"}`
)

// vocabulary holds the wordings by component and member, "Category.code", or by member alone, "code": such
// an entry holds in every component without an entry of its own. The entry "Category." is the component's.
var vocabulary = func() map[string]wording {
	all := map[string]wording{}
	for _, words := range vocabularyParts {
		maps.Copy(all, words)
	}
	return all
}()

var vocabularyParts = []map[string]wording{
	catalogWords, subscriptionWords, activityWords, eventWords, auditWords, operationsWords,
	commonWords,
}

// thousands writes a number as texts do: 1,000.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// mebibytes writes a size: 8 MiB.
func mebibytes(bytes int) string { return strconv.Itoa(bytes>>20) + " MiB" }

// beyondMembers are the members that the reference does not have, in the components that it has.
var beyondMembers = map[string][]string{
	"Event":      {"schema", "damaged", "truncated"},
	"Sample":     {"damaged"},
	"EventInput": {"schema"},
	"Subscription": {
		"description", "headers", "timeoutMs", "retrySchedule", "rateLimit", "ordered", "filter", "status", "recent", "damaged",
		"truncated",
	},
	"SubscriptionInput": {"description", "headers", "timeoutMs", "retrySchedule", "rateLimit", "ordered", "filter"},
	"Activity": {
		"status", "attempt", "durationMs", "rawResponseEncoding", "responseHeaders", "responseHeadersTruncated", "heldUntil", "damaged",
		"truncated", "expunged",
	},
	"Activation": {
		"status", "attempt", "durationMs", "rawResponseEncoding", "responseHeaders", "responseHeadersTruncated", "heldUntil", "attempts",
		"damaged", "truncated", "expunged",
	},
	"ActivityDetail": {
		"damaged", "truncated", "status", "attempt", "durationMs", "rawResponseEncoding", "heldUntil", "postedAt", "httpStatusCode", "rawMessage",
		"auditInfo", "expunged", "responseHeaders", "responseHeadersTruncated", "requestHeaders", "messageId", "external", "requestBody",
	},
	"SecretHistoryEntry":        {"truncated"},
	"ActivityHistory":           {"nextCursor"},
	"ActivationHistory":         {"nextCursor"},
	"SecretHistoryEntryHistory": {"nextCursor"},
}

// isBeyond reports whether the reference has the component without the member.
func isBeyond(component, name string) bool { return slices.Contains(beyondMembers[component], name) }
