package schema

import (
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// members checks the keywords for objects.
func (a *application) members() {
	n := int(a.doc.nodes[a.at].end) / 2
	if a.MinProperties != nil && n < *a.MinProperties {
		a.fault(&kind.MinProperties{Got: n, Want: *a.MinProperties})
	}
	if a.MaxProperties != nil && n > *a.MaxProperties {
		a.fault(&kind.MaxProperties{Got: n, Want: *a.MaxProperties})
	}
	if missing := a.missing(a.Required); missing != nil {
		a.fault(&kind.Required{Missing: missing})
	}
	if a.Properties != nil || a.PatternProperties != nil || a.AdditionalProperties != nil {
		a.properties()
	}
	if a.PropertyNames != nil || a.DependentSchemas != nil || a.DependentRequired != nil || a.Dependencies != nil {
		a.names()
	}
}

// properties applies the schemas for the values of members.
func (a *application) properties() {
	patterns := a.schema.facts[a.Schema].patterns
	var additional []string // names that additionalProperties forbids
	i, end := 0, a.doc.nodes[a.at].next
	for name := a.at + 1; name < end; name = a.doc.nodes[name+1].next {
		if a.done() {
			return
		}
		a.spend(1)
		evaluated, text := false, a.doc.string(name)
		if s, ok := a.Properties[text]; ok {
			evaluated = true
			a.child(s, name+1)
		}
		for _, p := range patterns {
			if a.match(p.pattern, text) {
				evaluated = true
				a.child(p.schema, name+1)
			}
		}
		if !evaluated && a.AdditionalProperties != nil {
			evaluated = true
			if s, ok := a.AdditionalProperties.(*jsonschema.Schema); ok {
				a.child(s, name+1)
			} else if allowed, ok := a.AdditionalProperties.(bool); ok && !allowed && len(additional) < maxListed {
				additional = append(additional, text[:min(len(text), maxText)])
			}
		}
		if evaluated {
			a.left.drop(i)
		}
		i++
	}
	if additional != nil {
		a.fault(&kind.AdditionalProperties{Properties: additional})
	}
}

// names applies the keywords that depend on the names of members.
func (a *application) names() {
	end := a.doc.nodes[a.at].next
	for name := a.at + 1; name < end; name = a.doc.nodes[name+1].next {
		if a.done() {
			return
		}
		a.spend(1)
		text := a.doc.string(name)
		if a.PropertyNames != nil {
			a.need(a.apply(a.PropertyNames, name, nil, nil))
		}
		switch dependency := a.Dependencies[text].(type) {
		case *jsonschema.Schema:
			a.need(a.self(dependency))
		case []string:
			if missing := a.missing(dependency); missing != nil {
				a.fault(&kind.Dependency{Prop: text, Missing: missing})
			}
		}
		if s, ok := a.DependentSchemas[text]; ok {
			a.need(a.self(s))
		}
		if missing := a.missing(a.DependentRequired[text]); missing != nil {
			a.fault(&kind.DependentRequired{Prop: text, Missing: missing})
		}
	}
}

// missing returns the names that no member has.
func (a *application) missing(names []string) (missing []string) {
	end := a.doc.nodes[a.at].next
	for _, want := range names {
		found := false
		a.spend(1 + int(a.doc.nodes[a.at].end)/16)
		for name := a.at + 1; name < end && !found; name = a.doc.nodes[name+1].next {
			found = a.doc.string(name) == want
		}
		if !found {
			missing = append(missing, want)
		}
	}
	return missing
}
