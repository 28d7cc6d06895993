package schema

import "github.com/santhosh-tekuri/jsonschema/v6"

// remaining is the set of the children of a value, by their places, that no keyword has
// evaluated yet. It is nil where neither unevaluatedProperties nor unevaluatedItems needs
// it.
type remaining struct{ words []uint64 }

// track returns the children of a value that a schema may leave unevaluated, if the schema
// or the schema that applies it needs them.
func (r *run) track(s *jsonschema.Schema, at uint32, wanted *remaining) *remaining {
	n := int(r.doc.nodes[at].end)
	from, want := 0, !wanted.empty()
	switch r.doc.kind(at) {
	case '{':
		n /= 2
		want = (want || s.UnevaluatedProperties != nil) && s.AdditionalProperties == nil
	case '[':
		from = len(s.PrefixItems)
		want = (want || s.UnevaluatedItems != nil) && s.Items2020 == nil
	default:
		return nil
	}
	if !want || from >= n {
		return nil
	}
	left := &remaining{make([]uint64, (n+63)/64)}
	r.spend(len(left.words))
	for i := range left.words {
		left.words[i] = ^uint64(0)
	}
	left.words[len(left.words)-1] >>= -n & 63
	for i := range from {
		left.drop(i)
	}
	return left
}

func (l *remaining) empty() bool {
	if l == nil {
		return true
	}
	for _, w := range l.words {
		if w != 0 {
			return false
		}
	}
	return true
}

func (l *remaining) drop(i int) {
	if l != nil {
		l.words[i/64] &^= 1 << (i % 64)
	}
}

// keep takes out the children that are not in the other set.
func (l *remaining) keep(other *remaining, m *meter) {
	if l == nil {
		return
	}
	m.spend(len(l.words))
	for i := range l.words {
		if other == nil {
			l.words[i] = 0
		} else {
			l.words[i] &= other.words[i]
		}
	}
}

// unevaluated applies unevaluatedProperties and unevaluatedItems to the children that
// remain.
func (a *application) unevaluated() {
	s, child := a.UnevaluatedProperties, a.at+1
	switch a.doc.kind(a.at) {
	case '{':
		child++ // to the value of the first name
	case '[':
		s = a.UnevaluatedItems
	default:
		return
	}
	if s == nil {
		return
	}
	for i := 0; !a.left.empty(); i++ {
		if a.done() {
			return
		}
		a.spend(1)
		if a.left.words[i/64]&(1<<(i%64)) != 0 {
			a.child(s, child)
			a.left.drop(i)
		}
		child = a.doc.nodes[child].next
		if a.doc.kind(a.at) == '{' {
			child++
		}
	}
	a.left = nil
}
