// Package catalog makes documents of the catalog of event types, for engineers that receive
// webhooks: an OpenAPI 3.1 document with webhooks ([OpenAPI]), an AsyncAPI 3 document
// ([AsyncAPI]), a page in Markdown ([Markdown]), and Go types with a decoder ([Go]).
//
// All of them are made of a [webhooks.CatalogSnapshot]:
//
//	snapshot, err := hooks.Registry.Snapshot(ctx, 64<<20)
//	text := catalog.OpenAPI(snapshot, catalog.Info{Title: "Webhooks of Example"})
//
// Equal catalogs have equal documents, in every store.
//
// Archived event types are marked as deprecated, and inactive ones are described as such. Samples
// become examples. Schemas are kept as they are, but their references lead to the place that a
// schema has in the document, and keywords that JSON Schema 2020-12 does not know are left out.
// Three things that only the origin of a schema can say are left out too, so that the
// document's schema accepts more: a reference to the meta-schema accepts every object and
// boolean; a $dynamicRef in a schema of several resources accepts every value; and a schema that
// cannot be read accepts every value. A sample, or a default, in which an object has a member $ref
// with a text is left out of OpenAPI and AsyncAPI, because programs would load the document that it names.
package catalog
