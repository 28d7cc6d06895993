package webhooks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks"
)

// A number that a schema cannot check, or not in a reasonable time, does not match the schema. An
// event type without a schema accepts the number and keeps it as written.
func TestSchemaJudgesNoNumberOfAnySize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	add := func(code, schema string) error {
		_, err := w.Registry.CreateEventType(t.Context(), w.category.ID, webhooks.EventTypeInput{
			Name: "N", Code: code, Version: "v1", Schema: []byte(schema),
		})
		return err
	}
	for code, schema := range map[string]string{
		"min": `{"items": {"minimum": 0}}`, "max": `{"items": {"exclusiveMaximum": 9e99}}`, "integer": `{"items": {"type": "integer"}}`,
		"multiple": `{"items": {"multipleOf": 0.1}}`, "enum": `{"items": {"enum": [1, 2]}}`, "unique": `{"uniqueItems": true}`, "any": `true`,
	} {
		if err := add(code, schema); err != nil {
			t.Fatal(code, err)
		}
		for _, number := range []string{
			"1e2000000", "-1e2000000", "1e-2000000", "1e999999", "1e99999999999999999999", "1e401",
			"1" + strings.Repeat("0", 500), "0." + strings.Repeat("0", 500) + "1",
		} {
			data := json.RawMessage("[" + strings.Repeat(number+",", 30) + "1]")
			_, err := w.Dispatcher.Publish(t.Context(), w.org, webhooks.Event{Type: code, Data: data})
			v, ok := errors.AsType[*webhooks.ValidationError](err)
			if !ok || v.Problem != webhooks.SchemaMismatch || v.Fields[0].Pointer != "/data/0" {
				t.Errorf("%s of %.20s: %v", code, number, err)
			}
		}
	}
	for _, schema := range []string{
		`{"minimum": 1e2000000}`, `{"const": 1e-2000000}`, `{"enum": [1, 1e999999]}`,
		`{"multipleOf": 1e-999999}`, `{"minLength": 1e401}`,
	} {
		if v, ok := errors.AsType[*webhooks.ValidationError](add("c", schema)); !ok || v.Problem != webhooks.Invalid {
			t.Errorf("%s was accepted", schema)
		}
	}
	if err := add("free", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Dispatcher.Publish(t.Context(), w.org, webhooks.Event{Type: "free", Data: json.RawMessage("1e2000000")}); err != nil {
		t.Errorf("without a schema: %v", err)
	}
}
