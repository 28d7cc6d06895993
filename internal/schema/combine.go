package schema

import "github.com/santhosh-tekuri/jsonschema/v6/kind"

// combine applies the keywords that combine schemas for the same value.
func (a *application) combine() {
	if a.Not != nil && !a.done() && a.quietly(a.Not) {
		a.fault(&kind.Not{})
	}
	a.allOf()
	if len(a.AnyOf) > 0 && !a.done() {
		a.anyOf()
	}
	if len(a.OneOf) > 0 && !a.done() {
		a.oneOf()
	}
	if a.If != nil && !a.done() {
		a.conditional()
	}
}

func (a *application) allOf() {
	for _, s := range a.AllOf {
		if a.done() {
			return
		}
		a.need(a.self(s))
	}
}

func (a *application) anyOf() {
	mark, matched := len(a.faults), false
	for _, s := range a.AnyOf {
		if a.self(s) {
			matched = true
			if a.left.empty() { // else all that match say which children they evaluated
				break
			}
		}
	}
	if matched {
		a.faults = a.faults[:mark]
	}
	a.need(matched)
}

func (a *application) oneOf() {
	mark, first := len(a.faults), -1
	for i, s := range a.OneOf {
		if first < 0 {
			if a.self(s) {
				first = i
				a.faults = a.faults[:mark]
			}
		} else if a.quietly(s) {
			a.fault(&kind.OneOf{Subschemas: []int{first, i}})
			return
		}
	}
	a.need(first >= 0)
}

func (a *application) conditional() {
	next := a.Else
	if a.quietly(a.If) {
		next = a.Then
	}
	if next != nil {
		a.need(a.self(next))
	}
}
