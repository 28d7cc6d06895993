package schema_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ecg-api/webhooks/internal/schema"
)

// hostile returns schemas and values of less than 1 MiB that cost a plain validator much time
// or memory. The budget ends the validations that are marked as stopped.
func hostile() map[string]struct {
	schema, value string
	stopped       bool
} {
	zeros := repeat("0", 200_000)
	return map[string]struct {
		schema, value string
		stopped       bool
	}{
		"every item is wrong":     {`{"type":"array","items":{"type":"string"}}`, zeros, false},
		"every item is right":     {`{"type":"array","items":{"type":"integer","minimum":0}}`, zeros, false},
		"every item tries anyOf":  {`{"items":{"anyOf":[{"type":"string"},{"type":"null"},{"type":"integer"}]}}`, zeros, false},
		"no item is contained":    {`{"contains":{"const":"x"}}`, zeros, false},
		"all items are unique":    {`{"uniqueItems":true}`, "[" + series("%d", 70_000) + "]", false},
		"long items are unique":   {`{"items":{"uniqueItems":true}}`, repeat(repeat("0,1", 500), 300), false},
		"no member is allowed":    {`{"additionalProperties":false}`, "{" + series(`"%d":0`, 100_000) + "}", false},
		"many members required":   {`{"required":[` + series(`"%d"`, 5_000) + `]}`, "{" + series(`"x%d":0`, 15_000) + "}", true},
		"names by a pattern":      {`{"propertyNames":{"pattern":"^[a-z]{1,200}$"}}`, "{" + series(`"%d":0`, 100_000) + "}", false},
		"many patterns for names": {`{"patternProperties":{` + series(`"%d.*x":true`, 700) + `}}`, "{" + series(`"%d":0`, 15_000) + "}", true},
		"unevaluated items":       {`{"unevaluatedItems":{"type":"string"},"anyOf":[{"contains":{"const":1}},true]}`, zeros, false},
		"unevaluated in each part": {`{"unevaluatedItems":false,"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"minItems":1},`, 900), ",") +
			`]}`, zeros, true},
		"a pattern of many states": {`{"pattern":"(a?){1000}b"}`, `"` + strings.Repeat("a", 20_000) + `"`, true},
		"large fractions":          {`{"items":{"multipleOf":1e-399,"maximum":1e399}}`, repeat("1e399", 160_000), true},
		"an enum of large values":  {`{"items":{"enum":[` + series(`[[%d]]`, 4_000) + `]}}`, repeat("[[0]]", 50_000), false},
		"one value, many schemas": {
			`{"items":{"anyOf":[` + strings.TrimSuffix(strings.Repeat(`{"const":1},`, 1_000)+`true,true`, ",") + `]}}`,
			zeros, true,
		},
		"two ways at each depth": {
			`{"maxItems":0,"items":{"anyOf":[{"$ref":"#"},{"items":{"$ref":"#"}}]}}`,
			strings.Repeat("[", 64) + strings.Repeat("]", 64), false,
		},
		"twice at each depth": {`{"items":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}`, strings.Repeat("[", 64) + strings.Repeat("]", 64), true},
		"defs twice, by depth": {
			doubling(60, `{"items":{"allOf":[{"$ref":"#/$defs/%[1]d"},{"$ref":"#/$defs/%[1]d"}]}}`),
			strings.Repeat("[", 64) + strings.Repeat("]", 64), true,
		},
		"a long way at each depth": {
			strings.Replace(doubling(200, `{"$ref":"#/$defs/%d"}`), `"200":true`, `"200":{"items":{"$ref":"#"}}`, 1),
			strings.Repeat("[", 64) + strings.Repeat("]", 64), true,
		},
		"a dynamic reference": {`{"$dynamicAnchor":"n","items":{"anyOf":[{"type":"null","items":{"$dynamicRef":"#n"}},` +
			`{"items":{"$dynamicRef":"#n"},"allOf":[{"items":{"$dynamicRef":"#n"}}]}]}}`, strings.Repeat("[", 64) + strings.Repeat("]", 64), true},
	}
}

func repeat(item string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

func series(format string, n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, 100_000+i)
	}
	return strings.Join(items, ",")
}

// doubling is a schema of n definitions each of which refers to the next.
func doubling(n int, format string) string {
	defs := make([]string, n)
	for i := range defs {
		defs[i] = fmt.Sprintf(`"%d":`, i) + fmt.Sprintf(format, i+1)
	}
	return fmt.Sprintf(`{"$ref":"#/$defs/0","$defs":{%s,"%d":true}}`, strings.Join(defs, ","), n)
}

// No test runs beside this one, so that memory is counted for it alone.
func TestValidate_HostileValuesEndWithinTheBudget(t *testing.T) { //nolint:paralleltest // see above
	for name, c := range hostile() { //nolint:paralleltest // see above
		t.Run(name, func(t *testing.T) {
			s, err := schema.Compile([]byte(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			faults, err := s.Validate(t.Context(), schema.NewBudget(), []byte(c.value), 100)
			runtime.ReadMemStats(&after)
			if stopped := errors.Is(err, schema.ErrBudget); stopped != c.stopped || !stopped && err != nil {
				t.Errorf("the budget ended it: %v, want %v (%v)", stopped, c.stopped, err)
			}
			if len(faults) > 100 {
				t.Errorf("%d faults", len(faults))
			}
			// Most of it is garbage at once: a step leaves some 100 bytes.
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 200 {
				t.Errorf("%d MiB were allocated", mib)
			}
		})
	}
}

// A fault in each of 500,000 items costs no more memory than 100 faults.
func TestValidate_BuildsNoMoreFaultsThanItReturns(t *testing.T) { //nolint:paralleltest // counts memory
	s, err := schema.Compile([]byte(`{"type":"array","items":{"type":"string"}}`))
	if err != nil {
		t.Fatal(err)
	}
	value := []byte(repeat("0", 500_000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	faults, err := s.Validate(t.Context(), schema.NewBudget(), value, 100)
	runtime.ReadMemStats(&after)
	if err != nil || len(faults) != 100 || faults[99].Pointer != "/99" || faults[99].Detail != "got number, want string" {
		t.Errorf("%d faults, %v", len(faults), err)
	}
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 12 {
		t.Errorf("%d MiB were allocated for 1 MiB of data", mib)
	}
}

// countdown is a context that ends after a number of calls of Err.
type countdown struct {
	context.Context //nolint:containedctx // it is one
	left            int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestValidate_StopsAtItsContext(t *testing.T) {
	t.Parallel()
	s, err := schema.Compile([]byte(`{"items":{"type":"integer"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for asked := range 5 {
		_, err := s.Validate(&countdown{t.Context(), asked}, schema.NewBudget(), []byte(repeat("0", 100_000)), 100)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("asked %d times: %v", asked, err)
		}
	}
}

func TestValidate_FaultsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 50_000)
	for text, value := range map[string]string{
		`{"additionalProperties":false}`:                     `{"` + long + `":1}`,
		`{"propertyNames":{"maxLength":1}}`:                  `{"` + long + `":1}`,
		`{"pattern":"^b` + strings.Repeat("a", 5000) + `"}`:  `"` + long + `"`,
		`{"enum":[` + series(`"%d"`, 5000) + `]}`:            `"` + long + `"`,
		`{"contains":true,"maxContains":1}`:                  repeat("0", 10_000),
		`{"required":["` + strings.Repeat("a", 5000) + `"]}`: `{}`,
	} {
		s, err := schema.Compile([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		faults, err := s.Validate(t.Context(), schema.NewBudget(), []byte(value), 100)
		if err != nil || len(faults) != 1 || len(faults[0].Detail) > 503 || !utf8Valid(faults[0].Detail) {
			t.Errorf("%.40s: %d faults, %v", text, len(faults), err)
		}
	}
}

func utf8Valid(s string) bool { return strings.ToValidUTF8(s, "") == s }

func BenchmarkValidate(b *testing.B) {
	for name, c := range hostile() {
		b.Run(name, func(b *testing.B) {
			s, err := schema.Compile([]byte(c.schema))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Validate(b.Context(), schema.NewBudget(), []byte(c.value), 100); errors.Is(err, schema.ErrBudget) != c.stopped {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLibrary is for comparison. It leaves out values for which the library takes hours.
func BenchmarkLibrary(b *testing.B) {
	for name, c := range hostile() {
		if c.stopped || name == "two ways at each depth" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			s, err := compile(c.schema)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				doc, err := jsonschema.UnmarshalJSON(strings.NewReader(c.value))
				if err != nil {
					b.Fatal(err)
				}
				_ = s.Validate(doc)
			}
		})
	}
}
