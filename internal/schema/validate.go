package schema

import (
	"context"
	"math"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Validate returns the faults of a value by the schema, at most as many as most says, and
// none if the value matches. The value is one that strictjson.Compact returned.
// It returns [ErrBudget] once the call's budget is spent, or the error of ctx; the memory
// is about six times the length of the value.
//
// The library that compiled the schema comes to the same verdicts. Faults come in the order
// in which they are found.
func (s *Schema) Validate(ctx context.Context, budget *Budget, value []byte, most int) ([]Fault, error) {
	budget.left += StepsPerByte * len(value)
	if len(value) > math.MaxInt32 { // nodes are counted in 32 bits
		return nil, ErrBudget
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	doc := parse(value)
	if at, found := doc.largeNumber(); found {
		return []Fault{{doc.pointer(at), "it has " + largeNumber}}, nil
	}
	return s.validate(&meter{ctx: ctx, budget: budget}, doc, most)
}

func (s *Schema) validate(m *meter, doc document, most int) (faults []Fault, err error) {
	r := &run{meter: m, schema: s, doc: doc, most: most}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stop:
			faults, err = nil, p.err
		default:
			panic(p)
		}
	}()
	if r.apply(s.root, 0, nil, nil) {
		return nil, nil
	}
	return r.list(), nil
}

// run is one validation.
type run struct {
	*meter
	schema *Schema
	doc    document
	most   int
	quiet  int // above 0 a verdict is wanted, and no faults
	faults []fault
}

// scope is the chain of the subschemas that are being applied.
type scope struct {
	schema *jsonschema.Schema
	at     uint32
	parent *scope
	depth  int
}

// MaxScopes is the greatest number of nested subschemas in one validation. It bounds the
// recursion, which takes some hundred bytes of stack for each subschema.
const MaxScopes = 4_096

// application is one subschema applied to one value.
type application struct {
	*run
	*jsonschema.Schema

	at     uint32
	scope  *scope
	left   *remaining
	failed bool
}

// apply reports whether a value matches a subschema. The children that it evaluated are
// taken from left, if it does.
func (r *run) apply(s *jsonschema.Schema, at uint32, parent *scope, left *remaining) bool {
	r.spend(1)
	if s.Bool != nil {
		return *s.Bool || r.fail(at, is(&kind.FalseSchema{}))
	}
	a := application{run: r, Schema: s, at: at, scope: &scope{s, at, parent, 0}}
	if parent != nil {
		a.scope.depth = parent.depth + 1
	}
	if a.scope.depth > MaxScopes {
		panic(stop{ErrBudget})
	}
	if a.endless() || !a.isOfType() || !a.isOfValues() {
		return false
	}
	a.left = r.track(s, at, left)
	if s.Ref != nil {
		a.need(a.self(s.Ref))
	}
	if !a.done() {
		a.byKind()
	}
	if !a.done() {
		a.dynamicRef()
		a.combine()
	}
	if !a.done() {
		a.unevaluated()
	}
	if a.failed {
		return false
	}
	left.keep(a.left, r.meter)
	return true
}

// byKind checks the keywords for values of one type.
func (a *application) byKind() {
	switch a.doc.kind(a.at) {
	case '{':
		a.members()
	case '[':
		a.items()
	case '"':
		a.string()
	case '0':
		a.number()
	}
}

// done reports that the value does not match, and that no further faults are collected.
func (a *application) done() bool {
	return a.failed && (a.quiet > 0 || len(a.faults) >= a.most)
}

func (a *application) need(ok bool) { a.failed = a.failed || !ok }

// self applies another schema to the same value.
func (a *application) self(s *jsonschema.Schema) bool { return a.apply(s, a.at, a.scope, a.left) }

// quietly is self for the verdict alone.
func (a *application) quietly(s *jsonschema.Schema) bool {
	a.quiet++
	ok := a.self(s)
	a.quiet-- // not deferred: a panic ends the validation
	return ok
}

// child applies a schema to a member's value or an item.
func (a *application) child(s *jsonschema.Schema, at uint32) { a.need(a.apply(s, at, a.scope, nil)) }

func (a *application) fault(k jsonschema.ErrorKind) { a.need(a.fail(a.at, is(k))) }

// endless reports that the subschema is already being applied to the value. Compile
// refuses such schemas, but a schema stored by an older release may be one.
func (a *application) endless() bool {
	depth := 0
	for up := a.scope.parent; up != nil && up.at == a.at; up = up.parent {
		if depth++; up.schema == a.Schema {
			return !a.fail(a.at, func() string { return "the schema refers to itself for this value, without an end" })
		}
	}
	a.spend(depth / 8)
	return false
}

func (a *application) isOfType() bool {
	if a.Types == nil || a.Types.IsEmpty() {
		return true
	}
	t := typesByKind[a.doc.kind(a.at)]
	if *a.Types&t.bit != 0 {
		return true
	}
	if t.name == "number" && *a.Types&integerBit != 0 {
		if text := a.doc.scalar(a.at); isInteger(text) || a.rat(text).IsInt() {
			return true
		}
	}
	types := *a.Types
	return a.fail(a.at, func() string { return text(&kind.Type{Got: t.name, Want: types.ToStrings()}) })
}

type typeOfKind struct {
	name string
	bit  jsonschema.Types
}

var (
	typesByKind = map[byte]typeOfKind{
		'{': newType("object"), '[': newType("array"), '"': newType("string"), '0': newType("number"),
		't': newType("boolean"), 'f': newType("boolean"), 'n': newType("null"),
	}
	integerBit = newType("integer").bit
)

func newType(name string) (t typeOfKind) {
	t.name = name
	t.bit.Add(name)
	return t
}

func (a *application) isOfValues() bool {
	if a.Const == nil && a.Enum == nil {
		return true
	}
	f := a.schema.facts[a.Schema]
	if a.Const != nil && !a.has(f.constant, &a.doc, a.at) {
		return a.fail(a.at, is(&kind.Const{Want: *a.Const}))
	}
	return a.Enum == nil || a.has(f.enum, &a.doc, a.at) || a.fail(a.at, is(&kind.Enum{Want: a.Enum.Values}))
}

// dynamicRef follows $dynamicRef: to the dynamic anchor of its name in the outermost
// resource that is being applied, where its own target is such an anchor.
func (a *application) dynamicRef() {
	ref := a.DynamicRef
	if ref == nil {
		return
	}
	target := ref.Ref
	if ref.Anchor != "" && target.DynamicAnchor == ref.Anchor {
		for up := a.scope; up != nil; up = up.parent {
			a.spend(1)
			if found := a.schema.facts[a.schema.facts[up.schema].resource].anchors[ref.Anchor]; found != nil {
				target = found
			}
		}
	}
	a.need(a.self(target))
}
