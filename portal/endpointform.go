package portal

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/signing"
)

// endpointForm has the fields of the form of an endpoint, as they were typed.
type endpointForm struct {
	URL         string
	Description string
	Version     string
	Development bool
	Events      []string // ids of event types, and patterns; sorted
	Filter      []filterRow
	Headers     []headerRow
	Rate        string
	Timeout     string // in milliseconds
	Ordered     bool
	Schedule    string // waits, such as 5s and 2h, with blanks or commas between them
}

// filterRow is a condition. Value is JSON, or a text without quotes.
type filterRow struct{ Pointer, Op, Value string }

// headerRow is a request header. Value is masked while it is the stored one.
type headerRow struct{ Name, Value string }

// filterOps are the operators of conditions.
var filterOps = []client.Op{
	client.Equal, client.NotEqual, client.In, client.Prefix, client.Exists, client.LessThan, client.GreaterThan,
}

// formOf returns the form that shows an endpoint. The values of headers are masked.
func formOf(sub client.Subscription) endpointForm {
	f := endpointForm{
		URL: sub.PostURI, Description: sub.Description, Version: sub.Version, Development: sub.IsDevelopment, Ordered: sub.Ordered,
		Schedule: strings.Join(sub.RetrySchedule, " "),
	}
	for _, e := range sub.Events {
		value := e.Pattern
		if value == "" {
			value = e.ID.String()
		}
		f.Events = append(f.Events, value)
	}
	slices.Sort(f.Events)
	for _, c := range sub.Filter {
		f.Filter = append(f.Filter, filterRow{c.Pointer, string(c.Op), typedValue(c.Value)})
	}
	for _, name := range slices.Sorted(maps.Keys(sub.Headers)) {
		f.Headers = append(f.Headers, headerRow{name, signing.Mask(sub.Headers[name])})
	}
	if sub.RateLimit != 0 {
		f.Rate = strconv.FormatFloat(sub.RateLimit, 'f', -1, 64)
	}
	if sub.TimeoutMs != 0 {
		f.Timeout = strconv.FormatInt(sub.TimeoutMs, 10)
	}
	return f
}

// readEndpointForm reads the form that was sent. Rows without an entry are left out.
func readEndpointForm(form url.Values) endpointForm {
	text := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	f := endpointForm{
		URL: text("url"), Description: strings.ReplaceAll(text("description"), "\r\n", "\n"), Version: text("version"),
		Development: form.Has("development"), Ordered: form.Has("ordered"),
		Rate: text("rate"), Timeout: text("timeout"), Schedule: text("schedule"),
	}
	f.Events = append(f.Events, form["event"]...)
	slices.Sort(f.Events)
	f.Events = slices.Compact(f.Events)
	at := func(name string, i int) string {
		if i < len(form[name]) {
			return strings.TrimSpace(form[name][i])
		}
		return ""
	}
	for i := range form["pointer"] {
		if row := (filterRow{at("pointer", i), at("op", i), at("value", i)}); row.Pointer != "" || row.Value != "" {
			f.Filter = append(f.Filter, row)
		}
	}
	for i := range form["header"] {
		if row := (headerRow{at("header", i), at("header-value", i)}); row.Name != "" || row.Value != "" {
			f.Headers = append(f.Headers, row)
		}
	}
	return f
}

// change adds or removes a row, as a button of the form asks.
func (f *endpointForm) change(do string) {
	switch kind, index, _ := strings.Cut(do, ":"); kind {
	case "add-condition":
		f.Filter = append(f.Filter, filterRow{Op: string(client.Equal)})
	case "add-header":
		f.Headers = append(f.Headers, headerRow{})
	case "remove-condition":
		f.Filter = without(f.Filter, index)
	case "remove-header":
		f.Headers = without(f.Headers, index)
	}
}

func without[T any](rows []T, index string) []T {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(rows) {
		return rows
	}
	return slices.Delete(rows, i, i+1)
}

// conditions returns the filter as the REST interface takes it.
func (f endpointForm) conditions() []client.ConditionInput {
	filter := make([]client.ConditionInput, len(f.Filter))
	for i, row := range f.Filter {
		filter[i] = client.ConditionInput{Pointer: row.Pointer, Op: client.Op(row.Op), Value: row.json()}
	}
	return filter
}

// json returns the value of a condition: JSON as it was typed, or the text. For the operator in, commas
// separate the elements of an array.
func (r filterRow) json() json.RawMessage {
	isText := r.Op == string(client.Prefix) && !strings.HasPrefix(r.Value, `"`)
	if json.Valid([]byte(r.Value)) && !isText {
		return json.RawMessage(r.Value)
	}
	var value any = r.Value
	if r.Op == string(client.In) {
		var parts []any
		for part := range strings.SplitSeq(r.Value, ",") {
			if part = strings.TrimSpace(part); json.Valid([]byte(part)) {
				parts = append(parts, json.RawMessage(part))
			} else {
				parts = append(parts, part)
			}
		}
		value = parts
	}
	text, _ := json.Marshal(value) // texts and JSON can be encoded
	return text
}

// typedValue is the value of a condition as a person types it: a text without quotes, unless it would be read as other JSON.
func typedValue(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && text != "" && !json.Valid([]byte(text)) && strings.TrimSpace(text) == text &&
		!strings.ContainsAny(text, "\r\n") {
		return text
	}
	return string(value)
}

// waits returns the retry schedule as a list, nil for the default.
func (f endpointForm) waits() []string {
	fields := strings.FieldsFunc(f.Schedule, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// check returns the time-out and the rate limit, 0 for none, and the faults of the form that the REST interface does not see.
func (f endpointForm) check(v *visit) (timeout int64, rate float64, found faults) {
	var err error
	if f.Timeout != "" {
		if timeout, err = strconv.ParseInt(f.Timeout, 10, 64); err != nil || timeout <= 0 {
			found.add("timeout", v.say("form.timeout_fault"))
		}
	}
	if f.Rate != "" {
		if rate, err = strconv.ParseFloat(strings.Replace(f.Rate, ",", ".", 1), 64); err != nil || !(rate > 0 && rate <= 1e6) {
			found.add("rate", v.say("form.rate_fault"))
		}
	}
	seen := map[string]bool{}
	for i, row := range f.Headers {
		switch name := strings.ToLower(row.Name); {
		case name == "":
			found.add(headerID(i, "name"), v.say("form.header_name_fault"))
		case seen[name]:
			found.add(headerID(i, "name"), v.say("form.header_twice_fault"))
		default:
			seen[name] = true
		}
	}
	return timeout, rate, found
}

func (f endpointForm) headerMap() map[string]string {
	headers := map[string]string{}
	for _, row := range f.Headers {
		headers[row.Name] = row.Value
	}
	return headers
}

// input returns the endpoint to be made.
func (f endpointForm) input(timeout int64, rate float64) client.SubscriptionInput {
	return client.SubscriptionInput{
		PostURI: f.URL, Description: f.Description, Version: f.Version, IsDevelopment: f.Development, Events: f.Events,
		Headers: f.headerMap(), Filter: f.conditions(), TimeoutMs: timeout, RateLimit: rate, Ordered: f.Ordered, RetrySchedule: f.waits(),
	}
}

func headerID(i int, part string) string    { return "header-" + strconv.Itoa(i) + "-" + part }
func conditionID(i int, part string) string { return "condition-" + strconv.Itoa(i) + "-" + part }

// fieldOf implements the type fieldOf for the form of an endpoint.
func (f endpointForm) fieldOf(pointer []string) (id, place string) {
	switch pointer[0] {
	case "filter":
		if len(pointer) > 1 {
			if i, err := strconv.Atoi(pointer[1]); err == nil && i >= 0 && i < len(f.Filter) {
				part := "pointer"
				if len(pointer) > 2 && (pointer[2] == "op" || pointer[2] == "value") {
					part = pointer[2]
				}
				return conditionID(i, part), ""
			}
		}
	case "headers":
		for i, row := range f.Headers {
			if len(pointer) > 1 && strings.EqualFold(row.Name, pointer[1]) {
				return headerID(i, "value"), ""
			}
		}
	}
	return map[string]string{
		"postUri": "url", "isDevelopment": "url", "description": "description", "version": "version", "events": "events",
		"filter": "filter", "headers": "headers", "rateLimit": "rate", "timeoutMs": "timeout", "retrySchedule": "schedule",
	}[pointer[0]], ""
}
