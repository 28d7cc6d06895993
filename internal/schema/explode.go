package schema

import (
	"errors"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxApplied is the greatest number of subschemas that apply to one value at one place.
const maxApplied = 5_000

var errEndless = errors.New("must not refer to itself for the same value, which has no end")

// check refuses a schema that takes endless or exponential time for any value, by
// references that lead back to the same value, or to more and more subschemas for it. A
// schema that does so only for deep values is left to the budget.
func (s *Schema) check() error {
	applied := map[*jsonschema.Schema]int{}
	for sub := range s.facts {
		switch {
		case sub.DraftVersion != draft:
			return &Error{"", mustBe + "each $schema must be " + dialect}
		case sub.RecursiveRef != nil:
			return &Error{"", mustBe + "$recursiveRef is called $dynamicRef in it"}
		}
		n, err := s.applied(sub, applied)
		if err != nil {
			return &Error{"", err.Error()}
		}
		if n > maxApplied {
			return &Error{"", fmt.Sprintf("must not apply more than %d subschemas to one value, counting references each time", maxApplied)}
		}
	}
	return nil
}

// draft is the number of 2020-12 in the library.
const draft = 2020

// applied returns the number of subschemas, at most, that are applied to a value when this
// one is applied to it: the subschema itself, and all to which it leads.
func (s *Schema) applied(sub *jsonschema.Schema, known map[*jsonschema.Schema]int) (int, error) {
	const underWay = -1
	switch n := known[sub]; n {
	case underWay:
		return 0, errEndless
	case 0:
	default:
		return n, nil
	}
	known[sub] = underWay
	total := 1
	for _, next := range s.inPlace(sub) {
		n, err := s.applied(next, known)
		if err != nil {
			return 0, err
		}
		total = min(total+n, 1<<30)
	}
	known[sub] = total
	return total, nil
}

// inPlace returns the subschemas that a schema applies to the value that it is applied to.
func (s *Schema) inPlace(sub *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{sub.Ref, sub.Not, sub.If, sub.Then, sub.Else}
	all = slices.Concat(all, sub.AllOf, sub.AnyOf, sub.OneOf)
	for _, dependent := range sub.DependentSchemas {
		all = append(all, dependent)
	}
	for _, dependent := range sub.Dependencies {
		if dependent, ok := dependent.(*jsonschema.Schema); ok {
			all = append(all, dependent)
		}
	}
	if dynamic := sub.DynamicRef; dynamic != nil {
		all = append(all, dynamic.Ref) // the target is chosen while a value is validated: count all candidates
		if dynamic.Ref.DynamicAnchor == dynamic.Anchor {
			for _, f := range s.facts {
				all = append(all, f.anchors[dynamic.Anchor])
			}
		}
	}
	return slices.DeleteFunc(all, func(s *jsonschema.Schema) bool { return s == nil })
}
