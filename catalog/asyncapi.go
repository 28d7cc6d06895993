package catalog

import "github.com/ecg-api/webhooks"

// AsyncAPI returns an AsyncAPI 3.0 document, as compact JSON, from the view of the sender. Its
// one channel is the URL of a subscription, and it has an operation and a message for each event
// type. Its schemas are of draft 07, the dialect that AsyncAPI has by default: they accept all values
// that the 2020-12 schemas of the catalog accept, and more values where draft 07 lacks a keyword.
func AsyncAPI(s webhooks.CatalogSnapshot, info Info) []byte {
	types := describe(s)
	inChannel, messages, operations, schemas := object{}, object{}, object{}, object{}
	for _, e := range types {
		inChannel = append(inChannel, member{e.key, object{{"$ref", "#/components/messages/" + e.key}}})
		messages = append(messages, member{e.key, e.message()})
		operations = append(operations, member{"send." + e.key, object{
			{"action", "send"},
			{"title", e.Name},
			{"channel", object{{"$ref", "#/channels/subscription"}}},
			{"messages", []any{object{{"$ref", "#/channels/subscription/messages/" + e.key}}}},
			{"bindings", object{{"http", object{{"method", "POST"}, {"bindingVersion", "0.3.0"}}}}},
		}})
		schemas = append(schemas, e.schemas(e.draft07)...)
	}
	return appendValue(nil, object{
		{"asyncapi", "3.0.0"},
		{"info", info.head(s, dialectNote)},
		{"defaultContentType", "application/json"},
		{"channels", object{{"subscription", object{
			{"address", nil},
			{"title", "Subscription"},
			{"description", "The URL of your subscription, to which the events that it selects are posted."},
			{"messages", inChannel},
		}}}},
		{"operations", operations},
		{"components", object{
			{"messages", messages},
			{"messageTraits", object{{"delivery", deliveryTrait()}}},
			{"schemas", schemas},
		}},
	})
}

const dialectNote = "The schemas are of JSON Schema draft 07, the default dialect of AsyncAPI. They leave out rules that draft 07 " +
	"cannot express."

func (e eventType) message() object {
	m := object{{"name", e.Code}, {"title", e.Name}, {"summary", "Version " + e.Version}}
	if text := e.text(); text != "" {
		m = append(m, member{"description", text})
	}
	m = append(m, member{"tags", []any{object{{"name", e.Category.Code}, {"description", e.category}}}})
	if e.archived() {
		m = append(m, member{"x-deprecated", true})
	}
	if samples := e.examples(); len(samples) > 0 {
		examples := []any{}
		for _, s := range samples {
			examples = append(examples, object{{"name", s.key}, {"payload", e.body(s.payload)}})
		}
		m = append(m, member{"examples", examples})
	}
	return append(m,
		member{"traits", []any{object{{"$ref", "#/components/messageTraits/delivery"}}}},
		member{"payload", object{{"$ref", schemasPlace + e.key}}},
	)
}

// deliveryTrait has the headers of every message.
func deliveryTrait() object {
	required, properties, example := []any{}, object{}, object{}
	for _, h := range headers {
		required = append(required, h.name)
		properties = append(properties, member{h.name, append(object{{"description", h.text}}, h.schema...)})
		example = append(example, member{h.name, h.example})
	}
	return object{
		{"contentType", "application/json"},
		{"headers", object{{"type", "object"}, {"required", required}, {"properties", properties}, {"examples", []any{example}}}},
	}
}
