package catalog

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// Info is the head of a document.
type Info struct {
	// Title of the document. Default: Webhooks.
	Title string
	// Version of the document. Default: a hash of the catalog's content.
	Version string
	// Description, in CommonMark, stands before the description of all webhooks. Default: none.
	Description string
}

// eventType is an event type as documents show it.
type eventType struct {
	webhooks.EventType
	key      string    // of letters, digits and . _ -, unique in the document
	dataKey  string    // unique beside all keys
	category string    // the name
	schema   *document // nil for any data
	// definitionKeys are the keys of the schema's definitions, unique beside all keys.
	definitionKeys []string
	samples        []sample
	truncated      bool
}

type sample struct {
	key       string // unique among the samples
	payload   []byte // compact JSON
	reference bool   // programs would take a part of it for a reference
}

// examples returns the samples that can be a part of a document with references.
func (e eventType) examples() []sample {
	return slices.DeleteFunc(slices.Clone(e.samples), func(s sample) bool { return s.reference })
}

// describe returns the event types of a catalog with the keys that they have in documents.
func describe(s webhooks.CatalogSnapshot) []eventType {
	taken := map[string]bool{}
	all := make([]eventType, 0, len(s.EventTypes))
	for _, e := range s.EventTypes {
		all = append(all, eventType{EventType: e, key: unique(taken, e.Code+"."+e.Version)})
	}
	for i := range all {
		all[i].dataKey = unique(taken, all[i].key+".data")
	}
	for i := range all {
		e := &all[i]
		e.category, e.truncated = e.Category.Name, s.Truncated[e.ID]
		if e.Schema != nil {
			e.schema = newDocument(e.Schema)
			for _, name := range e.schema.definitions() {
				e.definitionKeys = append(e.definitionKeys, unique(taken, e.dataKey+"."+illegal.ReplaceAllString(name, "_")))
			}
		}
		for _, one := range s.Samples[e.ID] {
			if data, err := parse(one.Payload); err == nil {
				e.samples = append(e.samples, sample{one.Version, one.Payload, holdsReference(data)})
			}
		}
	}
	return all
}

// illegal matches characters that a key cannot have.
var illegal = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// unique returns a name that is not taken yet, and takes it: the wanted one, or with a number
// behind it.
func unique(taken map[string]bool, want string) string {
	name := want
	for n := 2; taken[name]; n++ {
		name = want + "_" + strconv.Itoa(n)
	}
	taken[name] = true
	return name
}

// archived reports whether the event type counts as archived.
func (e eventType) archived() bool { return e.Archived || e.Category.Archived }

// state says how an event type differs from one that is published, "" if it does not.
func (e eventType) state() string {
	switch {
	case e.archived():
		return "Archived: no new events of this type are sent."
	case !e.Publishable():
		return "Inactive: no events of this type are sent at present."
	}
	return ""
}

// text is the description of an event type, in CommonMark.
func (e eventType) text() string {
	text := e.Description
	if state := e.state(); state != "" {
		text = paragraphs(text, state)
	}
	if e.truncated {
		text = paragraphs(text, "The description, the schema or a sample is left out here, because the document would be too large.")
	}
	return text
}

func paragraphs(texts ...string) string {
	var all []byte
	for _, t := range texts {
		if t != "" && all != nil {
			all = append(all, "\n\n"...)
		}
		all = append(all, t...)
	}
	return string(all)
}

// The parts of an example that are no data of the event.
const (
	exampleID   = "01890a5d-ac96-774b-bcce-b302099a8057"
	exampleTime = "2026-01-15T08:30:00.000Z"
)

// body is a delivery with the data of a sample.
func (e eventType) body(data []byte) object {
	return object{{"id", exampleID}, {"type", e.Code}, {"version", e.Version}, {"timestamp", exampleTime}, {"data", raw(data)}}
}

// bodySchema is the schema of a delivery's body.
func (e eventType) bodySchema(data any) object {
	return object{
		{"title", e.Name},
		{"type", "object"},
		{"required", []any{"id", "type", "version", "timestamp", "data"}},
		{"properties", object{
			{"id", object{{"type", "string"}, {"format", "uuid"}, {"description", "The message, as in webhook-id. It is the same on every retry."}}},
			{"type", object{{"type", "string"}, {"const", e.Code}, {"description", "The code of the event type."}}},
			{"version", object{{"type", "string"}, {"const", e.Version}, {"description", "The version of the event type."}}},
			{"timestamp", object{{"type", "string"}, {"format", "date-time"}, {"description", "The time of the publication, in UTC."}}},
			{"data", data},
		}},
	}
}

// schemas are the components with the schemas of an event type: the body, its data, and the definitions
// of the data's schema. Translate brings a schema into the dialect of the document.
func (e eventType) schemas(translate func(object) object) object {
	data := places{root: schemasPlace + e.dataKey, definitions: map[string]string{}}
	all := object{{e.key, translate(e.bodySchema(object{{"$ref", data.root}}))}}
	if e.schema == nil {
		return append(all, member{e.dataKey, translate(object{{"description", "Any JSON value: the event type has no schema."}})})
	}
	for i, name := range e.schema.definitions() {
		data.definitions["/$defs/"+escape(name)] = schemasPlace + e.definitionKeys[i]
	}
	all = append(all, member{e.dataKey, translate(e.schema.embed(data))})
	for i, name := range e.schema.definitions() {
		all = append(all, member{e.definitionKeys[i], translate(e.schema.embedDefinition(name, data))})
	}
	return all
}

const schemasPlace = "#/components/schemas/"

// head completes the head of a document.
func (i Info) head(s webhooks.CatalogSnapshot, note string) object {
	description := paragraphs(i.Description, introduction, note)
	if s.Omitted > 0 {
		description = paragraphs(description, fmt.Sprintf("%d event types are left out, because the document would be too large.", s.Omitted))
	}
	return object{
		{"title", cmp.Or(i.Title, "Webhooks")},
		{"version", cmp.Or(i.Version, contentHash(s))},
		{"description", description},
	}
}

const introduction = "Each event is a `POST` to the URL of your subscription. The body is JSON in UTF-8. Verify its signature over " +
	"the bytes of the body before you parse them: `webhook-signature` is the scheme of [Standard " +
	"Webhooks](https://www.standardwebhooks.com). Answer 2xx within the time-out; every other answer is repeated, with the " +
	"same `webhook-id`. Ignore members that you do not know: a later version may add some."

// contentHash is equal for equal catalogs of different stores.
func contentHash(s webhooks.CatalogSnapshot) string {
	sum := sha256.New()
	for _, c := range s.Categories {
		fmt.Fprintf(sum, "%q %q %q\n", c.Code, c.Name, c.Description)
	}
	for _, e := range s.EventTypes {
		fmt.Fprintf(sum, "%q %q %q %q %q %q %t %t\n", e.Code, e.Version, e.Name, e.Description, e.Category.Code, e.Schema,
			e.Publishable(), e.Archived || e.Category.Archived)
		for _, one := range s.Samples[e.ID] {
			fmt.Fprintf(sum, "%q %q\n", one.Version, one.Payload)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// header is a header of a delivery.
type header struct {
	name, text string
	schema     object
	example    any
}

// headers are the headers of every delivery, in the order of the guide for receivers.
var headers = []header{
	{"webhook-id", "The message. It is the same on every retry: handle each id once.", object{{"type", "string"}}, exampleID},
	{
		"webhook-timestamp", "The time of this attempt, in Unix seconds. It is new on every retry.",
		object{{"type", "string"}, {"pattern", "^[0-9]+$"}},
		unixSeconds,
	},
	{
		"webhook-signature", "Signatures, separated by blanks: `v1,` and base64 of HMAC-SHA256 over id, timestamp and body with full stops " +
			"between them, or `v1a,` and base64 of ed25519.",
		object{{"type", "string"}},
		"v1,TybrivLMQBl0C/fEOsy/R3JuxilhdHa4bCPF1I96+YI=",
	},
	{"x-webhook-attempt", "The number of the attempt, from 1.", object{{"type", "string"}, {"pattern", "^[0-9]+$"}}, "1"},
	{
		"x-webhook-created-at", "The time of this attempt, in Unix milliseconds: the timestamp of the second scheme.",
		object{{"type", "string"}, {"pattern", "^[0-9]+$"}},
		unixSeconds + "000",
	},
	{
		"x-webhook-hash", "The signature of the second scheme: hex of HMAC-SHA256 over x-webhook-created-at, a full stop and the body.",
		object{{"type", "string"}, {"pattern", "^[0-9a-f]{64}$"}},
		"20ed7b27c4ffcb0054dd79c51fe72c2feeeebaba9b14156138b1e5497e42d59c",
	},
}

var unixSeconds = func() string {
	at, err := time.Parse(time.RFC3339, exampleTime)
	if err != nil {
		panic(err) // the constant is wrong
	}
	return strconv.FormatInt(at.Unix(), 10)
}()

// categoriesOf returns the categories that have event types, in the order of their codes, and the
// event types of each.
func categoriesOf(s webhooks.CatalogSnapshot, types []eventType) ([]webhooks.Category, map[uuid.UUID][]eventType) {
	byCategory := map[uuid.UUID][]eventType{}
	for _, e := range types {
		byCategory[e.CategoryID] = append(byCategory[e.CategoryID], e)
	}
	var used []webhooks.Category
	for _, c := range s.Categories {
		if byCategory[c.ID] != nil {
			used = append(used, c)
		}
	}
	return used, byCategory
}

// Indent returns a JSON document with an indentation of two blanks and a newline at the end.
func Indent(document []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, document, "", "  "); err != nil {
		return document // it is no JSON
	}
	b.WriteByte('\n')
	return b.Bytes()
}
