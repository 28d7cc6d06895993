package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
)

// operation is an operation of the OpenAPI document, with the places in which a
// request of it names something by its id.
type operation struct {
	id, method, path, as string
	scopes               []string
	query                url.Values // the required parameters
	body                 any        // a right one; nil for none
	places               []idPlace
	hasCursor            bool
}

// idPlace is the place of an id in a request, and the kind of the resource.
type idPlace struct {
	in   string // path, query, body or patch
	name string // of the parameter or the member, or a pointer
	kind string
}

func (p idPlace) String() string { return p.in + " " + p.name }

// kinds are the parameters and members that hold ids.
var kinds = map[string]string{
	"organizationId": "organization", "subscriptionId": "subscription", "activityId": "activity", "activationId": "activation",
	"recoveryId": "recovery", "erasureId": "erasure", "webhookCategoryId": "category", "webhookEventId": "event", "eventId": "event",
	"originalActivityId": "activation", "retryingFromPostId": "activation", "SubscriptionInput.events": "event",
	"FilterTestInput.events": "event",
}

// plain are the parameters and members without an id. A name in neither list fails the test, so that
// a new parameter or member gets into one.
var plain = strings.Fields(`eventCode If-Match Idempotency-Key X-Request-Id order_by skip take archived version include status
	statusClass from
	to bucket type createdAt mode name code description schema payload rawMessage postedAt hash success httpStatusCode error rawResponse
	eventType data idempotencyKey orderingKey PublishBatchInput.events since until dryRun ratePerSecond secretKey postUri isDevelopment
	headers timeoutMs retrySchedule rateLimit ordered filter op path value actor resourceType resourceId confirm search state id
	scopes expiresIn maxTotal`)

// bodies are right bodies by the operation. {kind} stands for an id of the kind.
var bodies = map[string]string{
	"createCategory":      `{"name": "New", "code": "new"}`,
	"createEvent":         `{"name": "New", "code": "vitals.new", "version": "v1"}`,
	"createSubscription":  `{"postUri": "https://example.com/hook", "isDevelopment": false}`,
	"testSubscription":    `{"eventType": "vitals.measured"}`,
	"startRecovery":       `{"since": "2026-01-01T00:00:00Z", "status": "all"}`,
	"createPortalLink":    `{"scopes": ["webhooks:manage"], "expiresIn": 60, "path": "endpoints"}`,
	"createSamplePayload": `{"payload": {"n": 1}, "version": "v9"}`,
	"addActivity":         `{"type": 0, "payload": {"n": 1}, "rawMessage": {}, "eventId": "{event}"}`,
	"saveOutcome": `{"originalActivityId": "{activation}", "success": true, "httpStatusCode": 200, "error": null, ` +
		`"rawResponse": null}`,
	"makePayload":        `{"eventType": "vitals.measured", "version": "v1", "data": {"n": 1}}`,
	"testFilter":         `{"filter": [{"pointer": "/n", "op": "eq", "value": 1}], "events": ["{event}"]}`,
	"validateHash":       `{"payload": {"n": 1}, "hash": "00", "createdAt": 1}`,
	"setSecret":          `{"secretKey": "a-secret-of-our-own"}`,
	"publishEvent":       `{"eventType": "vitals.measured", "data": {"n": 1}}`,
	"publishEvents":      `{"events": [{"eventType": "vitals.measured", "data": {"n": 1}}]}`,
	"patchCategory":      `[{"op": "replace", "path": "/description", "value": "new"}]`,
	"patchEvent":         `[{"op": "replace", "path": "/description", "value": "new"}]`,
	"patchSubscription":  `[{"op": "replace", "path": "/description", "value": "new"}]`,
	"patchSamplePayload": `[{"op": "replace", "path": "/payload/n", "value": 2}]`,
}

// beside lists members that must change together with a member.
var beside = map[string]map[string]any{"retryingFromPostId": {"type": 2}}

// document types, as far as they are needed.
type (
	openAPI struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Parameters map[string]parameter
			Schemas    map[string]struct {
				Properties map[string]struct{ Type any }
			}
		}
	}
	described struct {
		OperationID string
		Scopes      []string `json:"x-scopes"`
		Parameters  []parameter
		RequestBody *struct {
			Content map[string]struct{ Schema bodySchema }
		}
	}
	parameter struct {
		Ref, Name, In string
		Required      bool
		Schema        struct{ Enum []string }
	}
	bodySchema struct {
		Ref   string `json:"$ref"`
		Items *bodySchema
	}
)

func (p *parameter) UnmarshalJSON(text []byte) error {
	type bare parameter
	var ref struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(text, &ref); err != nil {
		return err
	}
	err := json.Unmarshal(text, (*bare)(p))
	p.Ref = ref.Ref
	return err
}

var documentedOperations struct {
	once sync.Once
	all  []operation
}

// operations reads the document, once.
func operations(t *testing.T) []operation {
	t.Helper()
	documentedOperations.once.Do(func() { documentedOperations.all = readOperations(t) })
	if documentedOperations.all == nil {
		t.Fatal("another test says what is wrong with the document")
	}
	return documentedOperations.all
}

func readOperations(t *testing.T) []operation {
	t.Helper()
	var doc openAPI
	if err := json.Unmarshal(httpapi.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	var all []operation
	inputs := map[string]string{} // the component that a path takes, by the path
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			if method == "parameters" {
				continue
			}
			var d described
			if err := json.Unmarshal(doc.Paths[path][method], &d); err != nil {
				t.Fatal(path, method, err)
			}
			o := operation{id: d.OperationID, method: strings.ToUpper(method), path: path, query: url.Values{}, scopes: d.Scopes}
			for _, as := range []string{"read", "manage", "write", "secrets", "catalog", "admin"} {
				if o.as == "" && slices.Contains(d.Scopes, "webhooks:"+as) {
					o.as = as
				}
			}
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				o.add(t, "path", m[1], m[1])
			}
			for _, p := range d.Parameters {
				o.parameter(t, doc, p)
			}
			if d.RequestBody != nil {
				inputs[method+" "+path] = o.members(t, doc, d.RequestBody.Content["application/json"].Schema)
			}
			all = append(all, o)
		}
	}
	for i := range all {
		all[i].patched(inputs)
	}
	return all
}

// add notes a parameter or a member, if it holds an id.
func (o *operation) add(t *testing.T, in, name, key string) {
	t.Helper()
	kind, isID := kinds[key]
	switch {
	case key == "eventId" && in == "path" && strings.Contains(o.path, "organizationId}/events/"):
		kind = "message"
	case !isID && !slices.Contains(plain, key):
		t.Fatalf("%s: nobody knows what %s in the %s is: say so in kinds or in plain", o.id, name, in)
	}
	if isID {
		o.places = append(o.places, idPlace{in, name, kind})
	}
}

func (o *operation) parameter(t *testing.T, doc openAPI, p parameter) {
	t.Helper()
	if p.Ref != "" {
		p = doc.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
	}
	if p.Name == "cursor" {
		o.hasCursor = true
		return
	}
	o.add(t, p.In, p.Name, p.Name)
	if p.Required {
		o.query.Set(p.Name, append(p.Schema.Enum, "v1")[0])
	}
}

// members notes the members of a body, and returns the name of its component.
func (o *operation) members(t *testing.T, doc openAPI, s bodySchema) string {
	t.Helper()
	if s.Items != nil {
		s = *s.Items
	}
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	component, ok := doc.Components.Schemas[name]
	text, known := bodies[o.id]
	if !ok || !known {
		t.Fatalf("%s: nobody knows a right body of it (a %q): put one into bodies", o.id, name)
	}
	if err := json.Unmarshal([]byte(text), &o.body); err != nil {
		t.Fatal(o.id, err)
	}
	for _, member := range slices.Sorted(maps.Keys(component.Properties)) {
		if name == "PatchOperation" && member == "from" {
			continue
		}
		key := member
		if member == "events" {
			key = name + ".events"
		}
		o.add(t, "body", member, key)
	}
	return name
}

// patched adds the places to which a PATCH can write an id: the places in the body of a POST of the
// resource.
func (o *operation) patched(inputs map[string]string) {
	if o.method != "PATCH" {
		return
	}
	collection := o.path[:strings.LastIndexByte(o.path, '/')]
	if inputs["post "+collection] == "SubscriptionInput" {
		o.places = append(o.places, idPlace{"patch", "/events/-", "event"})
	}
}

// request makes a request of an operation, with ids by their kinds, and perhaps one
// id in a place.
func (o *operation) request(t *testing.T, ids map[string]string, at idPlace, id string) step {
	t.Helper()
	path := o.path
	for _, p := range o.places {
		value := ids[p.kind]
		if p == at {
			value = id
		}
		if p.in == "path" {
			path = strings.ReplaceAll(path, "{"+p.name+"}", value)
		}
	}
	path = strings.ReplaceAll(path, "{eventCode}", "vitals.measured")
	query := maps.Clone(o.query)
	if query.Has("confirm") {
		query.Set("confirm", ids["organization"])
	}
	body := o.body
	switch at.in {
	case "query":
		query.Set(at.name, id)
	case "body":
		members := maps.Clone(body.(map[string]any))
		members[at.name] = id
		if strings.HasSuffix(at.name, "s") {
			members[at.name] = []any{id}
		}
		maps.Copy(members, beside[at.name])
		body = members
	case "patch":
		body = []any{map[string]any{"op": "add", "path": at.name, "value": id}}
	}
	text := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(encoded)
		for kind, own := range ids {
			text = strings.ReplaceAll(text, "{"+kind+"}", own)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return step{as: o.as, do: o.method + " " + path, header: "X-Request-Id: same", body: text}
}
