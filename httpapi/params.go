package httpapi

import (
	"net/http"

	"github.com/ecg-api/webhooks"
)

// param is a query parameter.
type param struct {
	name     string
	text     string
	schema   object
	repeated bool // it can be given several times, and hold several words, separated by commas
	required bool
	beyond   bool // the reference does not have it at this route
}

// params returns a list of parameters. Each part is a param or a []param.
func params(parts ...any) []param {
	var all []param
	for _, part := range parts {
		switch part := part.(type) {
		case param:
			all = append(all, part)
		case []param:
			all = append(all, part...)
		}
	}
	return all
}

func required(p param) param { p.required = true; return p }

// beyondReference marks a parameter that the reference does not have at the route.
func beyondReference(p param) param { p.beyond = true; return p }

// The parameters, as query.go reads them.
var (
	archivedParam = beyondReference(wordParam("archived", "What to do with archived things.", "exclude", "include", "only"))
	searchParam   = beyondReference(param{
		name: "search", text: "Only subscriptions with this text in postUri or description. A-Z equal a-z.",
		schema: object{{"type", "string"}, {"maxLength", maxSearch}},
	})
	stateParam  = beyondReference(wordParam("state", "Only subscriptions in this state.", subscriptionStates...))
	statusParam = wordParam("status",
		"Which to list. all includes what has no outcome yet; pending is beyond the reference.", "all", "succeeded", "failed", "pending")
	versionParam = param{
		name: "version", text: "A version, such as v1.",
		schema: object{{"type", "string"}, {"pattern", "^[A-Za-z0-9._-]{1,32}$"}},
	}
	eventIDParam  = idParam("eventId", "Only what is about this event type.")
	historyParams = []param{
		beyondReference(param{
			name: "statusClass", text: "Only activities whose response has such a status; none: no response, or none yet. Of an activation " +
				"the latest response counts.",
			schema: object{{"type", "string"}, {"enum", responseClasses}},
		}),
		beyondReference(timeParam("since", "Only activities that were created at or after this. Makes filters by status quick.")),
		beyondReference(timeParam("until", "Only activities that were created before this.")),
	}
	createdAtParam = timeParam("createdAt", "The time at which the secret was current. Default: now.")
	recentParam    = includeOf("recent adds a summary of the newest activations.", "recent")
	onlyParam      = idParam("subscriptionId", "Only about this subscription.")
	someParam      = param{
		name: "take", text: "The size of a page. Default: all.", schema: object{{"type", "integer"}, {"minimum", 1}, {"maximum", 100}},
	}
	fromParam       = timeParam("from", "Attempts posted at or after this. Default: 24 hours before to.")
	toParam         = timeParam("to", "Attempts posted before this. Default: now.")
	bucketParam     = wordParam("bucket", "How much time is put together; at most 1,500 buckets.", "hour", "minute", "day")
	sinkStatusParam = beyondReference(integerParam("status", "The status to fail with.", http.StatusInternalServerError, 400, 599))
	originalParam   = idParam("originalActivityId", "Makes it a retry of this activity, in its chain.")

	includeParam             = includeOf("What to show in full; otherwise its id alone.", "subscription", "event")
	includeSubscriptionParam = includeOf("Adds the subscription, its secret masked.", "subscription")
	exampleTypeParam         = wordParam("type", "Which example.", webhooks.Examples()...)
)

// wordParam is a parameter that takes one of the allowed words. The first is the default.
func wordParam(name, text string, allowed ...string) param {
	return param{name: name, text: text, schema: object{{"type", "string"}, {"enum", allowed}, {"default", allowed[0]}}}
}

func integerParam(name, text string, byDefault, least, most int) param {
	return param{
		name: name, text: text,
		schema: object{{"type", "integer"}, {"default", byDefault}, {"minimum", least}, {"maximum", most}},
	}
}

func idParam(name, text string) param {
	return param{name: name, text: text, schema: object{{"type", "string"}, {"format", "uuid"}}}
}

func timeParam(name, text string) param {
	return param{name: name, text: text, schema: object{{"type", "string"}, {"format", "date-time"}}}
}

// includeOf is the parameter include, which takes any of the resources.
func includeOf(text string, resources ...string) param {
	item := object{{"type", "string"}, {"enum", resources}}
	return param{name: "include", text: text, schema: object{{"type", "array"}, {"items", item}}, repeated: true}
}

// modeParam is the parameter mode, which is required and has no default.
func modeParam(allowed ...string) param {
	return param{name: "mode", text: "Required.", required: true, schema: object{{"type", "string"}, {"enum", allowed}}}
}

// pageParams are the parameters of lists, with the default order.
func pageParams(order string) []param {
	opposite := map[string]string{"ASC": "DESC", "DESC": "ASC"}[order]
	return []param{
		wordParam("order_by", "The order of creation.", order, opposite),
		integerParam("skip", "How many pages to skip.", 0, 0, maxSkip),
		integerParam("take", "The size of a page.", 10, 1, 100),
	}
}

var cursorParam = param{
	name: "cursor", text: "Where to go on: a nextCursor of this list. Costs the same at any depth.",
	schema: object{{"type", "string"}}, beyond: true,
}

// maxTotalParam is the parameter maxTotal of lists that have a cursor, which are long.
var maxTotalParam = param{
	name: "maxTotal", text: "Counts no further: a totalRecords that reaches it means so many or more. Default: the exact number.",
	schema: object{{"type", "integer"}, {"minimum", 1}, {"maximum", maxSkip}}, beyond: true,
}

// cursorPageParams are the parameters of lists that have a cursor.
var cursorPageParams = append(pageParams("DESC"), cursorParam, maxTotalParam)
