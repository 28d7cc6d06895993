package schema

import "github.com/santhosh-tekuri/jsonschema/v6/kind"

// items checks the keywords for arrays.
func (a *application) items() {
	n := int(a.doc.nodes[a.at].end)
	if a.MinItems != nil && n < *a.MinItems {
		a.fault(&kind.MinItems{Got: n, Want: *a.MinItems})
	}
	if a.MaxItems != nil && n > *a.MaxItems {
		a.fault(&kind.MaxItems{Got: n, Want: *a.MaxItems})
	}
	if a.UniqueItems && !a.done() {
		a.uniqueItems()
	}
	i, end := 0, a.doc.nodes[a.at].next
	for item := a.at + 1; item < end && (i < len(a.PrefixItems) || a.Items2020 != nil); item = a.doc.nodes[item].next {
		if a.done() {
			return
		}
		if i < len(a.PrefixItems) {
			a.child(a.PrefixItems[i], item)
		} else {
			a.child(a.Items2020, item)
		}
		i++
	}
	if a.Contains != nil {
		a.contains()
	}
}

func (a *application) uniqueItems() {
	i, end := 0, a.doc.nodes[a.at].next
	seen := map[digest]int{}
	for item := a.at + 1; item < end; item = a.doc.nodes[item].next {
		sum := a.digest(&a.doc, item)
		if first, again := seen[sum]; again {
			a.fault(&kind.UniqueItems{Duplicates: [2]int{first, i}})
			return
		}
		seen[sum] = i
		i++
	}
}

func (a *application) contains() {
	mark, matched := len(a.faults), 0
	var listed []int
	i, end := 0, a.doc.nodes[a.at].next
	for item := a.at + 1; item < end; item = a.doc.nodes[item].next {
		if a.apply(a.Contains, item, a.scope, nil) {
			if matched++; matched <= maxListed {
				listed = append(listed, i)
			}
			a.left.drop(i)
		}
		i++
	}
	tooFew := a.MinContains == nil && matched == 0 || a.MinContains != nil && matched < *a.MinContains
	if !tooFew {
		a.faults = a.faults[:mark]
	}
	switch {
	case tooFew && len(a.faults) > mark: // they say why each item does not match
		a.failed = true
	case tooFew && a.MinContains == nil:
		a.fault(&kind.Contains{})
	case tooFew:
		a.fault(&kind.MinContains{Got: listed, Want: *a.MinContains})
	}
	if a.MaxContains != nil && matched > *a.MaxContains {
		a.fault(&kind.MaxContains{Got: listed, Want: *a.MaxContains})
	}
}
