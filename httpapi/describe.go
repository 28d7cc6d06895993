package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ecg-api/webhooks"
)

// about describes a route: the OpenAPI document and the page of documentation are
// made of it. Errors that follow from the method, the path, the access and the body
// need not be named.
type about struct {
	id      string // operationId
	summary string // without a full stop
	text    string // more than the summary
	differs string // from the reference, and why
	beyond  bool   // the reference does not have it
	query   []param
	in      any    // the zero value of what the body is decoded into; nil for none
	bare    bool   // it may be called without the body
	keyed   bool   // it takes an Idempotency-Key
	status  int    // of success; 200 if zero
	out     any    // the zero value of what is answered; nil for {"value": true}
	page    bool   // it answers HTML
	codes   string // of its own errors

	tag string
}

// param is a query parameter.
type param struct {
	name     string
	text     string
	schema   object
	many     bool // may be repeated, and separated by commas
	required bool
	beyond   bool
}

// params puts parameters into one list.
func params(parts ...any) []param {
	var all []param
	for _, p := range parts {
		switch p := p.(type) {
		case param:
			all = append(all, p)
		case []param:
			all = append(all, p...)
		}
	}
	return all
}

func required(p param) param { p.required = true; return p }

// ours marks a parameter that the reference has elsewhere, or not at all.
func ours(p param) param { p.beyond = true; return p }

func words(name, text string, allowed ...string) param {
	return param{name: name, text: text, schema: object{{"type", "string"}, {"enum", allowed}, {"default", allowed[0]}}}
}

func integer(name, text string, without, least, most int) param {
	return param{name: name, text: text, schema: object{{"type", "integer"}, {"default", without}, {"minimum", least}, {"maximum", most}}}
}

// The parameters, as query.go reads them.
var (
	archivedParam   = ours(words("archived", "What to do with archived things.", "exclude", "include", "only"))
	statusParam     = words("status", "Which to list. all includes what has no outcome yet; pending is beyond the reference.", "all", "succeeded", "failed", "pending")
	versionParam    = param{name: "version", text: "A version, such as v1.", schema: object{{"type", "string"}, {"pattern", "^[A-Za-z0-9._-]{1,32}$"}}}
	eventIDParam    = param{name: "eventId", text: "Only what is about this event type.", schema: object{{"type", "string"}, {"format", "uuid"}}}
	createdAtParam  = timeParam("createdAt", "The time at which the secret was current. Default: now.")
	fromParam       = timeParam("from", "Attempts posted at or after this. Default: 24 hours before to.")
	toParam         = timeParam("to", "Attempts posted before this. Default: now.")
	bucketParam     = words("bucket", "How much time is put together; at most 1,500 buckets.", "hour", "minute", "day")
	sinkStatusParam = ours(integer("status", "The status to fail with.", http.StatusInternalServerError, 400, 599))
	originalParam   = param{name: "originalActivityId", text: "Makes it a retry of this activity, in its chain.", schema: object{{"type", "string"}, {"format", "uuid"}}}

	includeParam             = including("What to show in full; otherwise its id alone.", "subscription", "event")
	includeSubscriptionParam = including("Adds the subscription, its secret masked.", "subscription")
	exampleTypeParam         = words("type", "Which example.", webhooks.Examples()...)
)

func timeParam(name, text string) param {
	return param{name: name, text: text, schema: object{{"type", "string"}, {"format", "date-time"}}}
}

func including(text string, things ...string) param {
	item := object{{"type", "string"}, {"enum", things}}
	return param{name: "include", text: text, schema: object{{"type", "array"}, {"items", item}}, many: true}
}

func mode(either, or string) param {
	return param{name: "mode", text: "Required.", required: true, schema: object{{"type", "string"}, {"enum", []string{either, or}}}}
}

// paged are the parameters of lists, with the default order.
func paged(order string) []param {
	other := map[string]string{"ASC": "DESC", "DESC": "ASC"}[order]
	return []param{
		words("order_by", "The order of creation.", order, other),
		integer("skip", "How many pages to skip.", 0, 0, maxSkip),
		integer("take", "The size of a page.", 10, 1, 100),
	}
}

// cursorPaged are those of history lists.
var cursorPaged = append(paged("DESC"), param{
	name: "cursor", text: "Where to go on: a nextCursor of this list. Costs the same at any depth.", schema: object{{"type", "string"}}, beyond: true,
})

// statuses says which status an error has. One has two: what is wrong in a request
// is a 400, in the result of a patch a 422.
func statuses() map[string]int {
	all := map[string]int{
		"malformed_json": 400, "validation_failed": 400, "read_only": 403, "path_not_found": 422, "internal_error": 500, "method_not_allowed": 405,
		string(webhooks.UnknownReference): 422, string(webhooks.AddressBlocked): 422, string(webhooks.SchemaMismatch): 422,
	}
	for _, a := range answers {
		all[a.code] = a.status
	}
	return all
}

// errors returns the codes that a route answers with, by status, in order.
func (r route) errors() map[int][]string {
	found := map[int][]string{}
	add := func(status int, codes ...string) {
		for _, code := range codes {
			if !slices.Contains(found[status], code) {
				found[status] = append(found[status], code)
			}
		}
	}
	patch := r.method == http.MethodPatch
	if len(r.about.query) > 0 {
		add(400, "validation_failed")
	}
	if r.needs != open {
		add(401, "unauthorized")
		add(403, "forbidden")
		add(503, "store_unavailable", "authentication_unavailable", "overloaded")
		add(500, "internal_error")
	}
	if strings.Contains(r.path, "{") {
		add(404, "not_found")
	}
	if r.hasBody() {
		add(400, "malformed_json", "validation_failed")
		add(413, "payload_too_large")
		add(415, "unsupported_media_type")
	}
	if patch {
		add(403, "read_only")
		add(409, "test_failed")
		add(412, "precondition_failed")
		add(422, "path_not_found", "validation_failed")
	}
	known := statuses()
	for code := range strings.FieldsSeq(r.about.codes) {
		add(known[code], code)
	}
	for _, codes := range found {
		slices.Sort(codes) // one response has one name
	}
	return found
}

// conditional reports whether the route obeys If-Match.
func (r route) conditional() bool { return slices.Contains(r.errors()[412], "precondition_failed") }

// tagged reports whether the answer carries an ETag.
func (r route) tagged() bool {
	_, detail := r.about.out.(messageDetail)
	switch r.about.out.(type) {
	case categoryWire, eventTypeWire, sampleWire, subscriptionWire, secretWire, secretKeyWire, activityWire, activationWire, activityDetail, recoveryWire:
		return true
	}
	return detail
}

// hasBody reports whether the route reads a body.
func (r route) hasBody() bool { return r.about.in != nil || r.method == http.MethodPatch }

// large reports whether the answer shows a record that may be as large as a body.
func (r route) large() bool {
	switch r.about.out.(type) {
	case subscriptionWire, sampleWire, activityWire, activationWire, activityDetail, messageDetail, payloadWire, deliveryBody, explanationsWire:
		return true
	}
	return false
}

func (r route) success() int {
	if r.about.status == 0 {
		return http.StatusOK
	}
	return r.about.status
}

// output is the type of the answer.
func (r route) output() any {
	if r.about.out == nil {
		return value{}
	}
	return r.about.out
}

// scopes are those that open the route; any one of them does.
func (r route) scopes() []string {
	var names []string
	for _, s := range grants[r.needs] {
		names = append(names, string(s))
	}
	return names
}

// anyObject stands for an answer that is some JSON object.
type anyObject struct{}

// deliveryBody is what is posted to a subscription.
type deliveryBody struct {
	ID        string `json:"id" schema:"format=uuid"`
	Type      string `json:"type"`
	Version   string `json:"version"`
	Timestamp string `json:"timestamp" schema:"format=date-time"`
	Data      any    `json:"data"`
}

// operationInput is one operation of a JSON Patch.
type operationInput struct {
	Op    string `json:"op" wire:"required" schema:"is=PatchOp"`
	Path  string `json:"path" wire:"required"`
	From  string `json:"from"`
	Value any    `json:"value"`
}
