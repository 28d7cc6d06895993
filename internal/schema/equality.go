package schema

import (
	"encoding/json"
	"hash/maphash"
)

// digest stands for a JSON value in comparisons. Equal values have equal digests. Different
// values have equal digests with a chance of 2^-128, which a sender cannot raise, because
// the seeds are random in each process. Thus enum, const and uniqueItems read each value
// once.
type digest [2]uint64

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// combine returns the digest of a pair.
func combine(a, b digest) (sum digest) {
	for i, seed := range seeds {
		sum[i] = maphash.Comparable(seed, [2]uint64{a[i], b[i]})
	}
	return sum
}

func digestOf(text string) (sum digest) {
	for i, seed := range seeds {
		sum[i] = maphash.String(seed, text)
	}
	return sum
}

// digest returns the digest of a value. Numbers are equal by value, and objects in any
// order of their members.
func (m *meter) digest(d *document, at uint32) digest {
	n := d.nodes[at]
	switch d.kind(at) {
	case '"':
		m.spend(1 + int(n.end-n.start)/64)
		return digestOf(d.text[n.start:n.end]) // with the leading quotation mark
	case '0':
		m.spend(1)
		return digestOf(m.canonical(d.scalar(at)))
	case '[':
		m.spend(1)
		sum := digestOf("[")
		for item := at + 1; item < n.next; item = d.nodes[item].next {
			sum = combine(sum, m.digest(d, item))
		}
		return sum
	case '{':
		m.spend(1)
		var sum digest
		for name := at + 1; name < n.next; name = d.nodes[name+1].next {
			member := combine(m.digest(d, name), m.digest(d, name+1))
			sum[0], sum[1] = sum[0]+member[0], sum[1]+member[1]
		}
		return combine(digestOf("{"), sum)
	default:
		m.spend(1)
		return digestOf(d.scalar(at))
	}
}

// valueSet is the values of an enum, or the one of a const.
type valueSet map[digest]struct{}

func newValueSet(values ...any) (valueSet, error) {
	set := valueSet{}
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		d := parse(text)
		set[unmetered().digest(&d, 0)] = struct{}{}
	}
	return set, nil
}

func (m *meter) has(set valueSet, d *document, at uint32) bool {
	_, ok := set[m.digest(d, at)]
	return ok
}
