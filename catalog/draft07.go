package catalog

import (
	"slices"
	"strings"
)

// draft07 translates a schema of the event type from 2020-12 to draft 07. It leaves out keywords that
// draft 07 lacks, so that the result accepts all values that the schema accepts, unless such a keyword is
// below not.
func (e eventType) draft07(schema object) object {
	if e.schema != nil && e.schema.refersToMoved() {
		return object{{"description", "A schema that JSON Schema draft 07 cannot express."}}
	}
	translated, _ := draft07(schema).(object)
	return translated
}

func draft07(schema any) any {
	o, ok := schema.(object)
	if !ok {
		return schema
	}
	rewritten := map[string]any{}
	eachSubschema(o, func(_ string, sub any) any { return draft07(sub) }, rewritten)
	out, dependencies := object{}, object{}
	for _, m := range o {
		if value, ok := rewritten[m.name]; ok {
			m.value = value
		}
		switch name := m.name; {
		case slices.Contains(newKeywords, name), name == "contains" && o.has("minContains"):
		case name == "dependentRequired" || name == "dependentSchemas":
			members, _ := m.value.(object)
			dependencies = append(dependencies, slices.DeleteFunc(slices.Clone(members), func(d member) bool { return dependencies.has(d.name) })...)
		case name == "prefixItems":
			out = append(out, member{"items", m.value})
		case name == "items" && o.has("prefixItems"):
			out = append(out, member{"additionalItems", m.value})
		default:
			out = append(out, m)
		}
	}
	if len(dependencies) > 0 {
		out = append(out, member{"dependencies", dependencies})
	}
	if ref := out.get("$ref"); ref != nil && len(out) > 1 { // draft 07 ignores all members beside $ref
		out = slices.DeleteFunc(out, func(m member) bool { return m.name == "$ref" })
		return out.also(object{{"$ref", ref}})
	}
	return out
}

// newKeywords are the keywords that draft 07 lacks.
var newKeywords = []string{"unevaluatedItems", "unevaluatedProperties", "minContains", "maxContains", "contentSchema"}

// refersToMoved reports whether a reference leads to a place that the translation to draft 07 moves
// or leaves out.
func (d *document) refersToMoved() bool {
	moved := append([]string{"prefixItems", "contains", "dependentSchemas"}, newKeywords...)
	return slices.ContainsFunc(d.targets, func(t target) bool {
		tokens := strings.Split(t.pointer, "/")
		for i, token := range tokens {
			parent, _ := d.at(strings.Join(tokens[:i], "/"))
			o, _ := parent.(object)
			if i > 0 && (slices.Contains(moved, token) || token == "items" && o.has("prefixItems")) {
				return true
			}
		}
		return false
	})
}
