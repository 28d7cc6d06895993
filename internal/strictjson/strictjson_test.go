package strictjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ecg-api/webhooks/internal/strictjson"
)

const maxDepth = 64

func TestCompactAccepts(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"null", `null`, `null`},
		{"true and false", `[true,false]`, `[true,false]`},
		{"a string alone", ` "a b" `, `"a b"`},
		{"empty string", `""`, `""`},
		{"empty object", "{ \n}", `{}`},
		{"empty array", "[\t]", `[]`},
		{"all four kinds of white space, everywhere", " \t\r\n{ \"a\" : [ 1 ,\n2 ] ,\r\"b\" : { } } \n", `{"a":[1,2],"b":{}}`},
		{"white space inside strings is kept", `{"a b" : "c  d"}`, `{"a b":"c  d"}`},
		{
			"number literals are kept as written", `[0, -0, 1.50, 1E+2, 1e-02, 0.0e0, 12345678901234567890, 1e999]`,
			`[0,-0,1.50,1E+2,1e-02,0.0e0,12345678901234567890,1e999]`,
		},
		{"members keep their order", `{"b":1, "a":2}`, `{"b":1,"a":2}`},
		{"escapes are kept as written", `"\u0041\/\"\\\b\f\n\r\t\u00E9"`, `"\u0041\/\"\\\b\f\n\r\t\u00E9"`},
		{"HTML is not escaped", `"<&>"`, `"<&>"`},
		{"a surrogate pair", `"\ud83d\uDE00"`, `"\ud83d\uDE00"`},
		{"an escaped backslash before u is no escape", `"\\ud800"`, `"\\ud800"`},
		{"escaped NUL", `"\u0000"`, `"\u0000"`},
		{"DEL, U+2028 and noncharacters", "\"\x7f\u2028\uffff\"", "\"\x7f\u2028\uffff\""},
		{"U+FFFD itself is UTF-8", "\"\ufffd\"", "\"\ufffd\""},
		{"two to four bytes of UTF-8", `"é€😀"`, `"é€😀"`},
		{"a byte order mark inside a string", "\"\ufeff\"", "\"\ufeff\""},
		{"an empty member name", `{"":0}`, `{"":0}`},
		{"names that differ in case", `{"a":1,"A":2}`, `{"a":1,"A":2}`},
		{"names that differ in normalization only", "{\"é\":1,\"e\u0301\":2}", "{\"é\":1,\"e\u0301\":2}"},
		{
			"a name again in a child, a sibling and after both", `{"a":{"a":1},"b":{"a":2},"c":[{"a":1},{"a":1}]}`,
			`{"a":{"a":1},"b":{"a":2},"c":[{"a":1},{"a":1}]}`,
		},
		{"nesting at the limit", strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 64) + strings.Repeat("]", 64)},
		{"siblings do not add up to nesting", "[" + strings.Repeat("[],", 100) + "{}]", "[" + strings.Repeat("[],", 100) + "{}]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := strictjson.Compact(nil, []byte(tt.in), maxDepth)
			if err != nil || string(got) != tt.want {
				t.Errorf("Compact(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
			}
			if err := strictjson.Check([]byte(tt.in), maxDepth); err != nil {
				t.Errorf("Check(%q) = %v", tt.in, err)
			}
		})
	}
}

func TestCompactRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 41)
	tests := []struct {
		name, in string
		want     strictjson.Error
	}{
		{"nothing", "", strictjson.Error{Offset: 0, Reason: "empty input"}},
		{"white space only", " \n", strictjson.Error{Offset: 2, Reason: "empty input"}},
		{"byte order mark", "\ufeff{}", strictjson.Error{Offset: 0, Reason: "starts with a byte order mark"}},
		{"UTF-16", "\xff\xfe{\x00", strictjson.Error{Offset: 0, Reason: "not UTF-8"}},
		{"two values", `{} {}`, strictjson.Error{Offset: 3, Reason: "expected nothing after the value, found '{'"}},
		{"NUL after the value", "1\x00", strictjson.Error{Offset: 1, Reason: `expected nothing after the value, found '\x00'`}},
		{"white space that is not JSON's", "1\v", strictjson.Error{Offset: 1, Reason: `expected nothing after the value, found '\v'`}},
		{"no-break space", "[\u00a01]", strictjson.Error{Offset: 1, Pointer: "/0", Reason: `expected a value, found '\u00a0'`}},
		{"comment", `[1/*x*/]`, strictjson.Error{Offset: 2, Reason: "expected ',' or ']', found '/'"}},
		{"half a literal", `tru`, strictjson.Error{Offset: 3, Reason: "unexpected end"}},
		{"misspelt literal", `[nul]`, strictjson.Error{Offset: 4, Pointer: "/0", Reason: "expected null, found ']'"}},
		{"literal too long", `falsey`, strictjson.Error{Offset: 5, Reason: "expected nothing after the value, found 'y'"}},
		{"capital literal", `True`, strictjson.Error{Offset: 0, Reason: "expected a value, found 'T'"}},
		{"NaN", `NaN`, strictjson.Error{Offset: 0, Reason: "expected a value, found 'N'"}},
		{"minus infinity", `-Infinity`, strictjson.Error{Offset: 1, Reason: "expected a digit, found 'I'"}},
		{"leading zero", `[-01]`, strictjson.Error{Offset: 2, Pointer: "/0", Reason: "number with a leading zero"}},
		{"plus sign", `+1`, strictjson.Error{Offset: 0, Reason: "expected a value, found '+'"}},
		{"minus alone", `-`, strictjson.Error{Offset: 1, Reason: "unexpected end"}},
		{"two minus signs", `--1`, strictjson.Error{Offset: 1, Reason: "expected a digit, found '-'"}},
		{"no digit before the point", `.5`, strictjson.Error{Offset: 0, Reason: "expected a value, found '.'"}},
		{"no digit after the point", `[1.]`, strictjson.Error{Offset: 3, Pointer: "/0", Reason: "expected a digit, found ']'"}},
		{"no digit in the exponent", `1e+`, strictjson.Error{Offset: 3, Reason: "unexpected end"}},
		{"two signs in the exponent", `1e+-1`, strictjson.Error{Offset: 3, Reason: "expected a digit, found '-'"}},
		{"hexadecimal number", `0x1`, strictjson.Error{Offset: 1, Reason: "expected nothing after the value, found 'x'"}},
		{"open array", `[1`, strictjson.Error{Offset: 2, Reason: "unexpected end"}},
		{"array that ends after a comma", `[1,`, strictjson.Error{Offset: 3, Pointer: "/1", Reason: "unexpected end"}},
		{"trailing comma in an array", `[1,]`, strictjson.Error{Offset: 3, Pointer: "/1", Reason: "expected a value, found ']'"}},
		{"leading comma", `[,1]`, strictjson.Error{Offset: 1, Pointer: "/0", Reason: "expected a value, found ','"}},
		{"no comma in an array", `[1 2]`, strictjson.Error{Offset: 3, Reason: "expected ',' or ']', found '2'"}},
		{"array closed as object", `[1}`, strictjson.Error{Offset: 2, Reason: "expected ',' or ']', found '}'"}},
		{"open object", `{`, strictjson.Error{Offset: 1, Reason: "unexpected end"}},
		{"name without quotes", `{a:1}`, strictjson.Error{Offset: 1, Reason: "expected a member name in double quotes, found 'a'"}},
		{"single quotes", `{'a':1}`, strictjson.Error{Offset: 1, Reason: `expected a member name in double quotes, found '\''`}},
		{"number as name", `{1:1}`, strictjson.Error{Offset: 1, Reason: "expected a member name in double quotes, found '1'"}},
		{"trailing comma in an object", `{"a":1,}`, strictjson.Error{Offset: 7, Reason: "expected a member name in double quotes, found '}'"}},
		{"no colon", `{"a" 1}`, strictjson.Error{Offset: 5, Reason: "expected ':' after a member name, found '1'"}},
		{"no value", `{"a":}`, strictjson.Error{Offset: 5, Pointer: "/a", Reason: "expected a value, found '}'"}},
		{"no comma in an object", `{"a":1 "b":2}`, strictjson.Error{Offset: 7, Reason: "expected ',' or '}', found '\"'"}},
		{"object closed as array", `{"a":1]`, strictjson.Error{Offset: 6, Reason: "expected ',' or '}', found ']'"}},
		{"open string", `"a`, strictjson.Error{Offset: 2, Reason: "unexpected end"}},
		{"string that ends in a backslash", `"\`, strictjson.Error{Offset: 2, Reason: "unexpected end"}},
		{"string closed by an escaped quote", `"\"`, strictjson.Error{Offset: 3, Reason: "unexpected end"}},
		{"newline in a string", "\"a\nb\"", strictjson.Error{Offset: 2, Reason: "unescaped control character in a string"}},
		{"NUL in a name", "{\"\x00\":1}", strictjson.Error{Offset: 2, Reason: "unescaped control character in a string"}},
		{"unknown escape", `"\x41"`, strictjson.Error{Offset: 1, Reason: "unknown escape in a string"}},
		{"escaped single quote", `"\'"`, strictjson.Error{Offset: 1, Reason: "unknown escape in a string"}},
		{"short escape", `"\u12"`, strictjson.Error{Offset: 1, Reason: `\u without four hexadecimal digits`}},
		{"escape that is not hexadecimal", `"\u12G4"`, strictjson.Error{Offset: 1, Reason: `\u without four hexadecimal digits`}},
		{"capital U", `"\U0041"`, strictjson.Error{Offset: 1, Reason: "unknown escape in a string"}},
		{"high surrogate alone", `["a\ud800"]`, strictjson.Error{Offset: 3, Pointer: "/0", Reason: "surrogate escape without its partner"}},
		{"low surrogate alone", `"\uDC00"`, strictjson.Error{Offset: 1, Reason: "surrogate escape without its partner"}},
		{"surrogates in the wrong order", `"\udc00\ud800"`, strictjson.Error{Offset: 1, Reason: "surrogate escape without its partner"}},
		{"two high surrogates", `"\ud800\ud800\udc00"`, strictjson.Error{Offset: 1, Reason: "surrogate escape without its partner"}},
		{"high surrogate before another escape", `"\ud800\n"`, strictjson.Error{Offset: 1, Reason: "surrogate escape without its partner"}},
		{"high surrogate at the very end", `"\ud800`, strictjson.Error{Offset: 1, Reason: "surrogate escape without its partner"}},
		{"stray continuation byte", "{\"a\":\"\x80\"}", strictjson.Error{Offset: 6, Pointer: "/a", Reason: "not UTF-8"}},
		{"overlong encoding", "\"\xc0\xaf\"", strictjson.Error{Offset: 1, Reason: "not UTF-8"}},
		{"surrogate as three bytes", "\"\xed\xa0\x80\"", strictjson.Error{Offset: 1, Reason: "not UTF-8"}},
		{"above U+10FFFF", "\"\xf4\x90\x80\x80\"", strictjson.Error{Offset: 1, Reason: "not UTF-8"}},
		{"character cut off", "\"\xe2\x82\"", strictjson.Error{Offset: 1, Reason: "not UTF-8"}},
		{"not UTF-8 in a name", "{\"\xff\":1}", strictjson.Error{Offset: 2, Reason: "not UTF-8"}},
		{"duplicate member", `{"a":1,"b":2,"a":1}`, strictjson.Error{Offset: 13, Reason: `duplicate member "a"`}},
		{"duplicate empty name", `{"":1,"":1}`, strictjson.Error{Offset: 6, Reason: `duplicate member ""`}},
		{
			"duplicate after unescaping", `{"a\n/é😀":1,"\u0061\u000A\/\u00e9\ud83d\ude00":1}`,
			strictjson.Error{Offset: 16, Reason: `duplicate member "a\n/é😀"`},
		},
		{
			"two escaped duplicates", `{"\b\f\r\t\"\\x":1,"\u0008\u000c\u000d\u0009\u0022\u005cx":1}`,
			strictjson.Error{Offset: 19, Reason: `duplicate member "\b\f\r\t\"\\x"`},
		},
		{"duplicate in a child", `{"a":[0,{"b":1,"b":2}]}`, strictjson.Error{Offset: 15, Pointer: "/a/1", Reason: `duplicate member "b"`}},
		{"duplicate after a child", `{"a":{"b":{}},"c":1,"a":2}`, strictjson.Error{Offset: 20, Reason: `duplicate member "a"`}},
		{
			"a long name is cut short", `{"` + long + `":1,"` + long + `":1}`,
			strictjson.Error{Offset: 88, Reason: `duplicate member "` + long[:80] + `…"`},
		},
		{
			"a name of 40 characters is not", `{"` + long[:80] + `":1,"` + long[:80] + `":1}`,
			strictjson.Error{Offset: 86, Reason: `duplicate member "` + long[:80] + `"`},
		},
		{
			"nesting above the limit", strings.Repeat("[", 65) + strings.Repeat("]", 65),
			strictjson.Error{Offset: 64, Pointer: strings.Repeat("/0", 64), Reason: "nesting deeper than 64"},
		},
		{
			"nesting above the limit, in objects", strings.Repeat(`{"a":`, 65),
			strictjson.Error{Offset: 320, Pointer: strings.Repeat("/a", 64), Reason: "nesting deeper than 64"},
		},
		{"the pointer is escaped", `{"a/b":{"~":[1,x]}}`, strictjson.Error{
			Offset: 15, Pointer: "/a~1b/~0/1",
			Reason: "expected a value, found 'x'",
		}},
		{"the pointer has names unescaped", `{"\u0061\/":x}`, strictjson.Error{
			Offset: 12, Pointer: "/a~1",
			Reason: "expected a value, found 'x'",
		}},
		{
			"the pointer stops before a huge name", `{"a":{"` + strings.Repeat("n", 2000) + `":[x]}}`,
			strictjson.Error{Offset: 2010, Pointer: "/a", Reason: "expected a value, found 'x'"},
		},
		{
			"the pointer stops before a name that escaping makes huge", `{"` + strings.Repeat("~", 600) + `":x}`,
			strictjson.Error{Offset: 604, Reason: "expected a value, found 'x'"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := strictjson.Compact([]byte("kept"), []byte(tt.in), maxDepth)
			if string(got) != "kept" {
				t.Errorf("dst = %q", got)
			}
			for _, err := range []error{err, strictjson.Check([]byte(tt.in), maxDepth)} {
				var e *strictjson.Error
				if !errors.As(err, &e) || *e != tt.want {
					t.Errorf("error = %#v, want %#v", err, tt.want)
				}
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{`{"a":1,"a":2}`, `duplicate member "a" at byte 7`},
		{`{"a":["` + "\xff" + `"]}`, `not UTF-8 at byte 7, in "/a/0"`},
	}
	for _, tt := range tests {
		if err := strictjson.Check([]byte(tt.in), maxDepth); err == nil || err.Error() != tt.want {
			t.Errorf("Check(%q) = %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestMaxDepthZeroAllowsScalarsOnly(t *testing.T) {
	t.Parallel()
	if err := strictjson.Check([]byte(`1`), 0); err != nil {
		t.Error(err)
	}
	for _, in := range []string{`{}`, `[]`} {
		if err := strictjson.Check([]byte(in), 0); err == nil {
			t.Errorf("%s was accepted", in)
		}
	}
}

func TestCompactAppends(t *testing.T) {
	t.Parallel()
	got, err := strictjson.Compact([]byte(`{"data":`), []byte(` [ 1 ] `), maxDepth)
	if err != nil || string(got) != `{"data":[1]` {
		t.Errorf("got %q, %v", got, err)
	}
}

// Around the size at which a map takes over, each name is compared with all names before it, and children do not interfere.
func TestDuplicatesInObjectsOfEverySize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65} {
		in := "{"
		for i := range size {
			in += fmt.Sprintf(`"n%d":{"n%d":[{"x":0},{"x":0}]},`, i, i)
		}
		if err := strictjson.Check([]byte(in+`"last":0}`), maxDepth); err != nil {
			t.Errorf("%d members: %v", size, err)
		}
		for i := range size {
			err := strictjson.Check(fmt.Appendf(nil, `%s"\u006e%d":0}`, in, i), maxDepth)
			if want := fmt.Sprintf(`duplicate member "n%d" at byte %d`, i, len(in)); err == nil || err.Error() != want {
				t.Errorf("%d members: %v, want %s", size, err, want)
			}
		}
	}
}

func TestDuplicatesAmongManyMembersAreFound(t *testing.T) {
	t.Parallel()
	const members = 100_000
	var b strings.Builder
	b.WriteByte('{')
	for i := range members {
		fmt.Fprintf(&b, `"member%06d":0,`, i)
	}
	in := b.String()
	whole := []byte(in + `"last":0}`)
	if err := strictjson.Check(whole, maxDepth); err != nil {
		t.Error(err)
	}
	if err := strictjson.Check([]byte(in+`"member099999":0}`), maxDepth); err == nil {
		t.Error("a duplicate among many was accepted")
	}
}

func TestSmallObjectsCostNoAllocation(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	in := []byte(`{"id": "0190", "ok": true, "n": [1, 2.5, {"x": null}], "text": "caf\u00e9"}`)
	if n := testing.AllocsPerRun(100, func() { _ = strictjson.Check(in, maxDepth) }); n != 0 {
		t.Errorf("Check: %v allocations", n)
	}
	dst := make([]byte, 0, len(in))
	if n := testing.AllocsPerRun(100, func() { _, _ = strictjson.Compact(dst, in, maxDepth) }); n != 0 {
		t.Errorf("Compact into room enough: %v allocations", n)
	}
}

// For each change of one byte of a document, the error's texts can be logged and sent.
func TestErrorsAreBoundedUTF8(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"é\n":[{"😀":"\ud83d\ude00"}, -1.5e3, true],"é\u000b":{"":null}}`)
	for i := range doc {
		for c := range 256 {
			in := append([]byte(nil), doc...)
			in[i] = byte(c)
			var e *strictjson.Error
			if err := strictjson.Check(in, maxDepth); !errors.As(err, &e) {
				continue
			}
			if !utf8.ValidString(e.Error()) || !utf8.ValidString(e.Pointer) || len(e.Reason) > 250 || e.Offset < 0 || e.Offset > len(in) {
				t.Fatalf("%q: %#v", in, e)
			}
		}
	}
}
