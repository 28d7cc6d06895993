package schema

import (
	"math/big"
	"strconv"
	"strings"
)

// Numbers are compared with schemas exactly, as fractions. The fraction of 1e999999, a
// number of few characters, has a megabyte. So numbers beyond these limits match no
// schema, and are not allowed in one.
const (
	maxDigits   = 400 // characters of a number
	maxExponent = 400
)

// largeNumber returns the first number of a document that is beyond the limits.
func (d *document) largeNumber() (at uint32, found bool) {
	for i := range d.nodes {
		at := uint32(i)
		if d.kind(at) == '0' && !withinLimits(d.scalar(at)) {
			return at, true
		}
	}
	return 0, false
}

func withinLimits(number string) bool {
	if len(number) > maxDigits {
		return false
	}
	e, ok := exponent(number)
	return ok && -maxExponent <= e && e <= maxExponent
}

// exponent returns the exponent of a number, 0 for none. Not ok: it is beyond an int.
func exponent(number string) (e int, ok bool) {
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return 0, true
	}
	e, err := strconv.Atoi(number[i+1:])
	return e, err == nil
}

// isInteger reports whether a number is written without a fraction and an exponent.
func isInteger(number string) bool { return !strings.ContainsAny(number, ".eE") }

// rat returns a number as a fraction.
func (m *meter) rat(number string) *big.Rat {
	if len(number) <= 18 && isInteger(number) {
		m.spend(2)
		n, _ := strconv.ParseInt(number, 10, 64)
		return new(big.Rat).SetInt64(n)
	}
	e, _ := exponent(number)
	m.spend(8 + len(number) + max(e, -e))
	r, _ := new(big.Rat).SetString(number)
	return r
}

// canonical returns a text that is equal for equal numbers.
func (m *meter) canonical(number string) string {
	if isInteger(number) && number != "-0" {
		return number
	}
	return m.rat(number).RatString()
}
