package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// matches applies one condition to a document.
func matches(document, pointer string, op store.Op, value string) bool {
	filter := store.Filter{{Pointer: pointer, Op: op, Value: []byte(value)}}
	return filter.Matches(store.NewDocument([]byte(document)))
}

func TestFilterMatches(t *testing.T) {
	t.Parallel()
	const patient = `{"ward":"icu","rate":120.50,"on":true,"off":false,"none":null,"tags":["a","b",{"c":[1]}],
		"a/b":1,"m~n":2,"":3,"x":{"":4,"01":5},"~1":6,"é":"ÿ","void":{"a":null}}`
	for _, tt := range []struct {
		pointer string
		op      store.Op
		value   string
		want    bool
	}{
		{"/ward", store.OpEqual, `"icu"`, true},
		{"/ward", store.OpEqual, ` "\u0069cu" `, true},
		{"/ward", store.OpEqual, `"ICU"`, false},
		{"/ward", store.OpEqual, `["icu"]`, false},
		{"/rate", store.OpEqual, `120.5`, true},
		{"/rate", store.OpEqual, `"120.50"`, false},
		{"/on", store.OpEqual, `true`, true},
		{"/on", store.OpEqual, `1`, false},
		{"/off", store.OpEqual, `null`, false},
		{"/none", store.OpEqual, `null`, true},
		{"/none", store.OpEqual, `{}`, false},
		{"/tags", store.OpEqual, `["a", "b", {"c": [1.0]}]`, true},
		{"/tags", store.OpEqual, `["b","a",{"c":[1]}]`, false},
		{"/tags", store.OpEqual, `["a","b"]`, false},
		{"/x", store.OpEqual, `{"01":5e0,"":4}`, true},
		{"/x", store.OpEqual, `{"01":5,"y":4}`, false},
		{"/x", store.OpEqual, `{"01":5}`, false},
		{"/x", store.OpEqual, `[]`, false},
		{"/void", store.OpEqual, `{"a":null}`, true},
		{"/void", store.OpEqual, `{"b":null}`, false},

		{"/ward", store.OpNotEqual, `"er"`, true},
		{"/ward", store.OpNotEqual, `"icu"`, false},
		{"/rate", store.OpNotEqual, `1205e-1`, false},
		{"/nowhere", store.OpNotEqual, `1`, true},
		{"/ward/x", store.OpNotEqual, `1`, true},

		{"/ward", store.OpIn, `["er","icu"]`, true},
		{"/ward", store.OpIn, `["er"]`, false},
		{"/ward", store.OpIn, `[]`, false},
		{"/rate", store.OpIn, `[null,"x",1.205E2]`, true},
		{"/tags", store.OpIn, `["a","b"]`, false},
		{"/ward", store.OpIn, `"icu"`, false},
		{"/ward", store.OpIn, `{"icu":"icu"}`, false},
		{"/nowhere", store.OpIn, `[null]`, false},

		{"/ward", store.OpPrefix, `"ic"`, true},
		{"/ward", store.OpPrefix, `""`, true},
		{"/ward", store.OpPrefix, `"icu2"`, false},
		{"/ward", store.OpPrefix, `"cu"`, false},
		{"/rate", store.OpPrefix, `"1"`, false},
		{"/ward", store.OpPrefix, `1`, false},
		{"/nowhere", store.OpPrefix, `""`, false},

		{"/none", store.OpExists, `true`, true},
		{"/none", store.OpExists, `false`, false},
		{"/nowhere", store.OpExists, `false`, true},
		{"/nowhere", store.OpExists, `true`, false},
		{"/nowhere", store.OpExists, `"false"`, false},
		{"/none", store.OpExists, `1`, false},
		{"/none", store.OpExists, `{}`, false},

		{"/rate", store.OpLess, `121`, true},
		{"/rate", store.OpLess, `120.5`, false},
		{"/rate", store.OpGreater, `120.49999999999999999999`, true},
		{"/rate", store.OpGreater, `120.5`, false},
		{"/rate", store.OpGreater, `"1"`, false},
		{"/ward", store.OpGreater, `"ICU"`, true}, // by bytes
		{"/ward", store.OpLess, `"icu "`, true},
		{"/é", store.OpGreater, `"z"`, true},
		{"/ward", store.OpLess, `1`, false},
		{"/on", store.OpGreater, `false`, false},
		{"/none", store.OpLess, `null`, false},
		{"/nowhere", store.OpLess, `1`, false},
		{"/nowhere", store.OpGreater, `1`, false},

		{"", store.OpExists, `true`, true},
		{"/", store.OpEqual, `3`, true},
		{"/x/", store.OpEqual, `4`, true},
		{"/a~1b", store.OpEqual, `1`, true},
		{"/a/b", store.OpExists, `true`, false},
		{"/m~0n", store.OpEqual, `2`, true},
		{"/~01", store.OpEqual, `6`, true}, // "~1", not "/"
		{"/x/01", store.OpEqual, `5`, true},
		{"/tags/0", store.OpEqual, `"a"`, true},
		{"/tags/2/c/0", store.OpEqual, `1`, true},
		{"/tags/3", store.OpExists, `true`, false},
		{"/tags/01", store.OpExists, `true`, false},
		{"/tags/-", store.OpExists, `true`, false},
		{"/tags/-0", store.OpExists, `true`, false},
		{"/tags/-1", store.OpExists, `true`, false},
		{"/tags/+1", store.OpExists, `true`, false},
		{"/tags/ 1", store.OpExists, `true`, false},
		{"/tags/", store.OpExists, `true`, false},
		{"/tags/99999999999999999999", store.OpExists, `true`, false},
	} {
		if got := matches(patient, tt.pointer, tt.op, tt.value); got != tt.want {
			t.Errorf("%q %s %s: %t, want %t", tt.pointer, tt.op, tt.value, got, tt.want)
		}
	}
}

func TestFilterMalformedConditionHoldsOfNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []store.Condition{
		{Pointer: "a", Value: []byte("true")},
		{Pointer: "#/a", Value: []byte("true")},
		{Pointer: "/a~", Value: []byte("true")},
		{Pointer: "/a~2", Value: []byte("true")},
		{Pointer: "/~~0", Value: []byte("true")},
		{Pointer: "/a", Value: []byte("")},
		{Pointer: "/a", Value: nil},
		{Pointer: "/a", Value: []byte("{")},
		{Pointer: "/a", Value: []byte("1 2")},
		{Pointer: "/a", Value: []byte("01")},
		{Pointer: "/a", Value: []byte("NaN")},
		{Pointer: "/a", Value: []byte("'a'")},
	} {
		for _, op := range []store.Op{
			store.OpEqual, store.OpNotEqual, store.OpIn, store.OpPrefix, store.OpExists, store.OpLess, store.OpGreater,
		} {
			for _, document := range []string{`{"a":1}`, `{}`, `[]`} {
				if matches(document, c.Pointer, op, string(c.Value)) {
					t.Errorf("%q %s %q holds of %s", c.Pointer, op, c.Value, document)
				}
			}
		}
	}
	for _, op := range []store.Op{"", "EQ", "like"} {
		if matches(`{"a":1}`, "/a", op, "1") || matches(`{}`, "/a", op, "1") {
			t.Errorf("the unknown comparison %q holds", op)
		}
	}
}

func TestFilterNothingHoldsOfWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"", " ", "{", "nul", "1 2", "{}}", "\x00"} {
		for op, value := range map[store.Op]string{store.OpNotEqual: "1", store.OpExists: "false"} {
			if matches(document, "/a", op, value) {
				t.Errorf("%s holds of %q", op, document)
			}
		}
		if !(store.Filter{}).Matches(store.NewDocument([]byte(document))) {
			t.Errorf("an empty filter does not match %q", document)
		}
	}
}

func TestFilterAllConditionsMustHold(t *testing.T) {
	t.Parallel()
	is := func(pointer string) store.Condition {
		return store.Condition{Pointer: pointer, Op: store.OpEqual, Value: []byte("1")}
	}
	document := store.NewDocument([]byte(`{"a":1,"b":1,"c":2}`))
	for _, tt := range []struct {
		filter store.Filter
		want   bool
	}{
		{nil, true},
		{store.Filter{is("/a"), is("/b")}, true},
		{store.Filter{is("/a"), is("/c")}, false},
		{store.Filter{is("/c"), is("/a")}, false},
	} {
		if got := tt.filter.Matches(document); got != tt.want { // one document for all
			t.Errorf("%v: %t, want %t", tt.filter, got, tt.want)
		}
	}
}

// Each list is of spellings of one number, and the lists are in order.
var numbers = [][]string{
	{"-1e999999999999999999999", "-10e999999999999999999998"},
	{"-1e400", "-0.001e403", "-10E+399"},
	{"-123.456", "-123.4560", "-1.23456e2", "-123456E-3"},
	{"-1"},
	{"-1e-999999999"},
	{"0", "-0", "0.0", "0e0", "-0E+5", "0e999999999999999999999", "0.000e-7"},
	{"1e-999999999999999999999"},
	{"1e-999999999", "0.1e-999999998", "100e-1000000001"},
	{"5e-324"},
	{"0.1", "1e-1", "0.10", "10E-2"},
	{"0.10000000000000000000000000000000001"},
	{"1", "1.0", "1e0", "1E+00", "10e-1", "0.1e1", "1" + strings.Repeat("0", 600) + "e-600"},
	{"1.0000000000000000000000000000000000001"},
	{"2"},
	{"10", "1e1", "1e+01", "100e-1"},
	{"11"},
	{"9007199254740992"},
	{"9007199254740993", "9007199254740993.0", "9.007199254740993e15"},
	{"1e400", "10e399", "0.1e401"},
	{"1.0000000001e400"},
	{"1e401"},
	{"1e999999999", "10e999999998"},
	{"2e999999999"},
	{"1e1000000000"},
	{"1e999999999999999999999"},
}

func TestFilterNumbers(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for i, some := range numbers {
		for j, others := range numbers {
			for _, a := range some {
				for _, b := range others {
					got := fmt.Sprint(matches(a, "", store.OpEqual, b), matches(a, "", store.OpLess, b), matches(a, "", store.OpGreater, b))
					if want := fmt.Sprint(i == j, i < j, i > j); got != want {
						t.Errorf("%.50s eq, lt, gt %.50s: %s, want %s", a, b, got, want)
					}
				}
			}
		}
	}
	if d := time.Since(began); d > 10*time.Second { // writing one of them out takes longer
		t.Errorf("took %v", d)
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range [][3]string{
		{`{"a":[1,{"b":"c"}]}`, "/a/1/b", `"c"`},
		{`{"a/b":1.0,"m~n":null}`, "/a~1b", `1e0`},
		{`[1e999999999,-0,""]`, "/0", `[1,"x",{}]`},
		{`1e999999999999999999999`, "", `1`},
		{`"\ud800"`, "/~2", `true`},
		{`{"a":{},"a":[]}`, "a", `{`},
		{``, "/-", ``},
		{"[[[[[[1]]]]]]", "/0/0/0/00", `false`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, document, pointer, value string) {
		ops := []store.Op{
			store.OpEqual, store.OpNotEqual, store.OpIn, store.OpPrefix, store.OpExists, store.OpLess, store.OpGreater, "x",
		}
		holds := map[store.Op]bool{}
		for _, op := range ops {
			holds[op] = matches(document, pointer, op, value)
		}
		if holds[store.OpEqual] && (holds[store.OpNotEqual] || holds[store.OpLess] || holds[store.OpGreater]) ||
			holds[store.OpLess] && holds[store.OpGreater] || holds["x"] {
			t.Errorf("%q %q %q: %v", document, pointer, value, holds)
		}
		if json.Valid([]byte(document)) && !matches(document, "", store.OpEqual, document) {
			t.Errorf("%q is not equal to itself", document)
		}
		if json.Valid([]byte(value)) && !matches(value, "", store.OpIn, "["+value+"]") {
			t.Errorf("%q is not in a list of itself", value)
		}
	})
}
