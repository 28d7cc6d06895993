package schema_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/schema"
)

// Package regexp decides which texts a pattern matches.
func TestPattern_AgreesWithRegexp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	var expression func(depth int) string
	expression = func(depth int) string {
		if depth == 0 {
			return pick("a", "b", ".", "[ab]", "[^a]", "é", `\b`, `\B`, "^", "$", `\d`, "(?i:B)", "(?s:.)", "(?m:^)", "(?m:$)", `\z`, "")
		}
		below := func() string { return "(" + expression(depth-1) + ")" }
		switch r.IntN(4) {
		case 0:
			return below() + pick("*", "+", "?", "{2}", "{1,3}", "{2,}", "*?")
		case 1:
			return below() + "|" + below()
		default:
			return expression(depth-1) + expression(depth-1)
		}
	}
	for range 400 {
		text := expression(3)
		want, err := regexp.Compile(text)
		if err != nil {
			continue
		}
		s, err := schema.Compile(fmt.Appendf(nil, `{"pattern":%q}`, text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for range 10 {
			var subject strings.Builder
			for range r.IntN(6) {
				subject.WriteString(pick("a", "b", "B", "é", "1", "\n", " "))
			}
			faults, err := s.Validate(t.Context(), schema.NewBudget(), fmt.Appendf(nil, "%q", subject.String()), 1)
			if matched := len(faults) == 0; err != nil || matched != want.MatchString(subject.String()) {
				t.Errorf("%q matches %q: %v, %v", text, subject.String(), matched, err)
			}
		}
	}
}
