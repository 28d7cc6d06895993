package schema

import (
	"math/big"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// string checks the keywords for strings.
func (a *application) string() {
	s := a.doc.string(a.at)
	if a.MinLength != nil || a.MaxLength != nil {
		a.spend(1 + len(s)/64)
		n := utf8.RuneCountInString(s)
		if a.MinLength != nil && n < *a.MinLength {
			a.fault(&kind.MinLength{Got: n, Want: *a.MinLength})
		}
		if a.MaxLength != nil && n > *a.MaxLength {
			a.fault(&kind.MaxLength{Got: n, Want: *a.MaxLength})
		}
	}
	if p, ok := a.Pattern.(*pattern); ok && !a.match(p, s) {
		a.need(a.fail(a.at, func() string { return "does not match pattern '" + p.text + "'" })) // the library quotes the value
	}
}

// number checks the keywords for numbers.
func (a *application) number() {
	if want := a.Minimum; want != nil {
		if got := a.operand(want); got.Cmp(want) < 0 {
			a.fault(&kind.Minimum{Got: got, Want: want})
		}
	}
	if want := a.Maximum; want != nil {
		if got := a.operand(want); got.Cmp(want) > 0 {
			a.fault(&kind.Maximum{Got: got, Want: want})
		}
	}
	if want := a.ExclusiveMinimum; want != nil {
		if got := a.operand(want); got.Cmp(want) <= 0 {
			a.fault(&kind.ExclusiveMinimum{Got: got, Want: want})
		}
	}
	if want := a.ExclusiveMaximum; want != nil {
		if got := a.operand(want); got.Cmp(want) >= 0 {
			a.fault(&kind.ExclusiveMaximum{Got: got, Want: want})
		}
	}
	if want := a.MultipleOf; want != nil {
		if got := a.operand(want); !new(big.Rat).Quo(got, want).IsInt() {
			a.fault(&kind.MultipleOf{Got: got, Want: want})
		}
	}
}

// operand returns the number as a fraction, and charges its comparison with another one.
func (a *application) operand(other *big.Rat) *big.Rat {
	a.spend(4 + (other.Num().BitLen()+other.Denom().BitLen())/64)
	return a.rat(a.doc.scalar(a.at))
}
