package schema_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/schema"
)

func TestCompile_RefusesWhatExplodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, reason string }{
		"twice the next": {
			doubling(60, `{"allOf":[{"$ref":"#/$defs/%[1]d"},{"$ref":"#/$defs/%[1]d"}]}`),
			"more than 5000 subschemas to one value",
		},
		"not and if": {doubling(60, `{"not":{"$ref":"#/$defs/%[1]d"},"if":{"$ref":"#/$defs/%[1]d"}}`), "more than 5000"},
		"dependents": {
			doubling(60, `{"dependentSchemas":{"a":{"$ref":"#/$defs/%[1]d"},"b":{"$ref":"#/$defs/%[1]d"}}}`),
			"more than 5000",
		},
		"below a member": {`{"properties":{"a":{"anyOf":[{"$ref":"#/$defs/x"},{"oneOf":[{"$ref":"#/$defs/x"}]}]}},"$defs":{"x":` +
			doubling(40, `{"anyOf":[{"$ref":"#/$defs/x/$defs/%[1]d"},{"$ref":"#/$defs/x/$defs/%[1]d"}]}`) + `}}`, "not found"},
		"itself":                 {`{"$ref":"#"}`, "refer to itself"},
		"itself, by a way round": {`{"anyOf":[{"type":"string"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"not":{"$ref":"#"}}}}`, "refer to itself"},
		"itself, dynamically":    {`{"$dynamicAnchor":"a","$dynamicRef":"#a"}`, "refer to itself"},
		"a long pattern":         {`{"pattern":"(abcdefghijkl){900}"}`, "more than 10,000 instructions"},
		"a pattern repeated":     {`{"pattern":"(` + strings.Repeat("ab?", 100) + `){1000}"}`, "more than 10,000 instructions"},
		"many patterns":          {`{"patternProperties":{` + series(`"%da{900}":true`, 12) + `}}`, "more than 10,000 instructions"},
		"a large number":         {`{"minimum":1e401}`, "more than 400 characters or with an exponent beyond"},
		"too long":               {`{"title":"` + strings.Repeat("a", schema.MaxBytes) + `"}`, "at most 65536 bytes"},
		"faults without end":     {`{"required":` + repeat("0", 30_000) + `}`, "/required"},
	} {
		_, err := schema.Compile([]byte(c.schema))
		if bad, ok := errors.AsType[*schema.Error](err); !ok || !strings.Contains(bad.Reason, c.reason) || len(bad.Reason) > 600 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompile_TakesOrdinarySchemas(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a tree": `{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"}}}`,
		"an expression": `{"oneOf":[{"type":"number"},{"properties":{"add":{"items":{"$ref":"#"}}},"required":["add"]},` +
			`{"properties":{"sub":{"items":{"$ref":"#"}}},"required":["sub"]}]}`,
		"the schema of schemas": `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"named": `{"$schema":"https://json-schema.org/draft/2020-12/schema#","$id":"https://example.com/s","$ref":"#a",` +
			`"$defs":{"a":{"$anchor":"a"}}}`,
		"many kinds": `{"oneOf":[` +
			series(`{"properties":{"kind":{"const":"%d"}},"allOf":[{"$ref":"#/$defs/base"},{"required":["kind"]}]}`, 400) +
			`],"$defs":{"base":{"allOf":[true,true]}}}`,
		"long patterns": `{"properties":{"a":{"pattern":"^.{1,1000}$"},"b":{"pattern":"^.{1,1000}$"},"c":{"pattern":"^[a-z]{0,1000}$"}}}`,
	} {
		if _, err := schema.Compile([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A reference is resolved within the schema itself and the meta-schema, which is a part of
// the program. No file and no URL is read.
func TestCompile_ReadsNoFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(file, []byte(`{"type":"string","$defs":{"a":true}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"file://" + file, "file://" + file + "#/$defs/a", "file://localhost" + file} {
		for _, text := range []string{
			`{"$ref":%q}`, `{"$dynamicRef":%q}`, `{"$schema":%q}`, `{"$id":"urn:a","$ref":%q}`,
			`{"$defs":{"a":{"$id":"urn:b","$schema":%q}}}`, `{"properties":{"a":{"$ref":%q}}}`, `{"$id":"file:///","$ref":%q}`,
		} {
			text = fmt.Sprintf(text, place)
			_, err := schema.Compile([]byte(text))
			if bad, ok := errors.AsType[*schema.Error](err); !ok || !strings.Contains(bad.Reason, "remote references") {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestCompile_TakesOneDialect(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"$schema":"http://json-schema.org/draft-07/schema#"}`,
		`{"$schema":"https://json-schema.org/draft/2019-09/schema"}`,
		`{"$ref":"http://json-schema.org/draft-07/schema#"}`,
		`{"properties":{"a":{"$id":"urn:b","$schema":"http://json-schema.org/draft-07/schema#","minimum":1}}}`,
		`{"$recursiveRef":"#/$defs/a","$defs":{"a":{"type":"string"}}}`,
	} {
		_, err := schema.Compile([]byte(text))
		if bad, ok := errors.AsType[*schema.Error](err); !ok || !strings.Contains(bad.Reason, "2020-12") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
