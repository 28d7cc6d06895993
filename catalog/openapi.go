package catalog

import "github.com/ecg-api/webhooks"

// OpenAPI returns an OpenAPI 3.1 document, as compact JSON. Its webhooks section has an operation for
// each event type. The components have the schemas of its body, called by code, a full stop and version,
// of its data, and of the definitions ($defs) of that schema.
func OpenAPI(s webhooks.CatalogSnapshot, info Info) []byte {
	types := describe(s)
	used, _ := categoriesOf(s, types)
	tags := []any{}
	for _, c := range used {
		tags = append(tags, object{{"name", c.Code}, {"description", paragraphs(c.Name, c.Description)}})
	}
	all, schemas := object{}, object{}
	for _, e := range types {
		all = append(all, member{e.key, object{{"post", e.operation()}}})
		schemas = append(schemas, e.schemas(func(schema object) object { return schema })...)
	}
	parameters := object{}
	for _, h := range headers {
		parameters = append(parameters, member{h.name, object{
			{"name", h.name}, {"in", "header"}, {"required", true}, {"description", h.text}, {"schema", h.schema}, {"example", h.example},
		}})
	}
	return appendValue(nil, object{
		{"openapi", "3.1.0"},
		{"info", info.head(s, "")},
		{"jsonSchemaDialect", metaSchema},
		{"security", []any{}},
		{"tags", tags},
		{"webhooks", all},
		{"components", object{{"parameters", parameters}, {"schemas", schemas}}},
	})
}

// operation is the request of a delivery.
func (e eventType) operation() object {
	o := object{{"operationId", e.key}, {"tags", []any{e.Category.Code}}, {"summary", e.Name}}
	if text := e.text(); text != "" {
		o = append(o, member{"description", text})
	}
	if e.archived() {
		o = append(o, member{"deprecated", true})
	}
	parameters := []any{}
	for _, h := range headers {
		parameters = append(parameters, object{{"$ref", "#/components/parameters/" + h.name}})
	}
	content := object{{"schema", object{{"$ref", schemasPlace + e.key}}}}
	if samples := e.examples(); len(samples) > 0 {
		examples := object{}
		for _, s := range samples {
			examples = append(examples, member{s.key, object{{"value", e.body(s.payload)}}})
		}
		content = append(content, member{"examples", examples})
	}
	return append(o,
		member{"parameters", parameters},
		member{"requestBody", object{{"required", true}, {"content", object{{"application/json", content}}}}},
		member{"responses", object{
			{"2XX", object{{"description", "The event is handled, or kept to be handled."}}},
			{"410", object{{"description", "The subscription is to be switched off: nothing is sent again."}}},
			{"429", object{{"description", "Too many requests. The attempt is repeated after Retry-After, and the rate is lowered."}}},
			{"default", object{{"description", "The attempt failed. It is repeated by the schedule of the subscription."}}},
		}},
	)
}
