package strictjson_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ecg-api/webhooks/internal/strictjson"
)

// FuzzCompact compares with encoding/json in both directions. A text is accepted if json.Valid accepts it and it breaks
// none of the extra rules, which brokenRules decides by other code. The output equals json.Compact's. Seeds are in
// testdata/fuzz.
func FuzzCompact(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte, depth byte) { // at most 255: encoding/json has a limit of its own at 10,000
		before := bytes.Clone(src)
		got, err := strictjson.Compact([]byte("x"), src, int(depth))
		if !bytes.Equal(src, before) {
			t.Fatalf("src was changed from %q to %q", before, src)
		}
		checkErr := strictjson.Check(src, int(depth))
		same := func() bool { return *err.(*strictjson.Error) == *checkErr.(*strictjson.Error) } //nolint:errorlint // the type is promised
		if (err == nil) != (checkErr == nil) || err != nil && !same() {
			t.Fatalf("Compact: %v, Check: %v", err, checkErr)
		}
		if !json.Valid(src) {
			if err == nil {
				t.Fatalf("%q was accepted", src)
			}
			return
		}
		rules := brokenRules(src, int(depth))
		if err != nil {
			for _, rule := range rules {
				if strings.HasPrefix(err.Error(), rule) {
					return
				}
			}
			t.Fatalf("%q: %v; the extra rules it breaks: %q", src, err, rules)
		}
		if len(rules) > 0 {
			t.Fatalf("%q was accepted, but breaks %q", src, rules)
		}
		checkOutput(t, src, got[1:], int(depth))
	})
}

func checkOutput(t *testing.T, src, got []byte, depth int) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Compact(&want, src); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("Compact(%q) = %q, want %q, %v", src, got, want.Bytes(), err)
	}
	if again, err := strictjson.Compact(nil, got, depth); err != nil || !bytes.Equal(again, got) {
		t.Fatalf("Compact(%q) = %q, %v: not idempotent", got, again, err)
	}
}

var (
	escapedBackslash = regexp.MustCompile(`\\\\`)
	surrogatePair    = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]`)
	surrogate        = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// brokenRules returns the start of the reason of each extra rule that src breaks, which json.Valid accepts.
func brokenRules(src []byte, maxDepth int) (rules []string) {
	if !utf8.Valid(src) {
		rules = append(rules, "not UTF-8")
	}
	rest := surrogatePair.ReplaceAll(escapedBackslash.ReplaceAll(src, []byte("_")), []byte("_"))
	if surrogate.Match(rest) {
		rules = append(rules, "surrogate escape")
	}
	depth, duplicate := shape(json.NewDecoder(bytes.NewReader(src)))
	if depth > maxDepth {
		rules = append(rules, "nesting deeper")
	}
	// The decoder turns invalid characters into U+FFFD, so that two names may become equal: then another rule is broken.
	if duplicate {
		rules = append(rules, "duplicate member")
	}
	return rules
}

// shape reads one value and returns its nesting, and whether an object of the value has a name twice.
func shape(dec *json.Decoder) (depth int, duplicate bool) {
	open, _ := dec.Token()
	if open != json.Delim('[') && open != json.Delim('{') {
		return 0, false
	}
	names := map[json.Token]bool{}
	for dec.More() {
		if open == json.Delim('{') {
			name, _ := dec.Token()
			duplicate = duplicate || names[name]
			names[name] = true
		}
		d, dup := shape(dec)
		depth, duplicate = max(depth, d), duplicate || dup
	}
	_, _ = dec.Token()
	return depth + 1, duplicate
}
