package webhooks

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Numbers are compared with schemas exactly, as fractions: one of a few characters,
// 1e999999, takes as long as megabytes do, and with a larger exponent it is none to
// the library, which then fails. So those beyond what anybody measures match no schema,
// and have no place in one.
const (
	maxDigits   = 400 // characters of a number
	maxExponent = 400
)

const tooLarge = "has a number of more than 400 characters or with an exponent beyond ±400"

// unjudged returns the pointer to a number in a JSON value that no schema judges.
func unjudged(v any) (pointer string, found bool) {
	switch v := v.(type) {
	case json.Number:
		return "", !judged(v.String())
	case []any:
		for i, item := range v {
			if below, found := unjudged(item); found {
				return "/" + strconv.Itoa(i) + below, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if below, found := unjudged(v[name]); found {
				return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name) + below, true
			}
		}
	}
	return "", false
}

func judged(number string) bool {
	if len(number) > maxDigits {
		return false
	}
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return true
	}
	exponent, err := strconv.Atoi(number[i+1:])
	return err == nil && -maxExponent <= exponent && exponent <= maxExponent
}
