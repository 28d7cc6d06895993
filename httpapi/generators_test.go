package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
)

// The document has nothing that stops code generators, or makes them lose data or
// generate code that does not compile. Real generators run in hostexample/clients.
func TestGeneratorsCanReadTheDocument(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	if err := json.Unmarshal(httpapi.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	for place, schema := range schemasIn("", doc, false) {
		for _, fault := range generatorFaults(place, schema) {
			t.Errorf("%s: %s", place, fault)
		}
	}
}

// schemasIn returns the schemas at and below a node of the document, by place.
func schemasIn(place string, node any, isSchema bool) map[string]map[string]any {
	found := map[string]map[string]any{}
	switch node := node.(type) {
	case []any:
		for i, item := range node {
			maps.Copy(found, schemasIn(fmt.Sprintf("%s/%d", place, i), item, isSchema))
		}
	case map[string]any:
		named := strings.HasSuffix(place, "/properties") || strings.HasSuffix(place, "/schemas")
		if isSchema && !named {
			found[place] = node
		}
		for name, value := range node {
			if name != "examples" || named {
				maps.Copy(found, schemasIn(place+"/"+name, value, isSchema || name == "schema" || name == "schemas"))
			}
		}
	}
	return found
}

func generatorFaults(place string, schema map[string]any) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if _, has := schema["anyOf"]; has {
		add("anyOf stops ogen")
	}
	kind := schema["type"]
	if types, ok := kind.([]any); ok {
		if kind = types[0]; len(types) != 2 || types[1] != "null" {
			add("several types: %v", types)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	_, bounded := schema["maximum"]
	_, enumerated := schema["enum"]
	switch kind {
	case "integer":
		if schema["format"] != "int64" && !bounded && !enumerated {
			add("32 bits in Java")
		}
	case "number":
		if schema["format"] != "double" {
			add("32 bits in Go")
		}
	case "array":
		if items, ok := schema["items"].(map[string]any); !ok || len(items) == 0 {
			add("items of no type")
		}
	case "object":
		if properties == nil && schema["additionalProperties"] == nil {
			add("an object that loses its members in ogen")
		}
	}
	inComponent := strings.HasPrefix(place, "/components/schemas/")
	named := inComponent && strings.Count(place, "/") == 3 || strings.Contains(place, "/allOf/")
	_, merged := schema["allOf"]
	alternatives, union := schema["oneOf"].([]any)
	nullable := union && len(alternatives) == 2 && fmt.Sprint(alternatives[1]) == "map[type:null]"
	switch {
	case named:
	case enumerated && inComponent: // one of a parameter has the parameter's name
		add("an enumeration without a name")
	case properties != nil || merged:
		add("an object without a name")
	case union && !nullable:
		add("a union without a name")
	}
	inCode := map[string]string{} // members by the letters of their names
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, _ := properties[name].(map[string]any)
		letters := strings.ToLower(strings.ReplaceAll(name, "_", ""))
		if other, taken := inCode[letters]; taken {
			add("%s and %s have one name in generated code", other, name)
		}
		inCode[letters] = name
		text := fmt.Sprint(property["type"])
		if inComponent && slices.Contains([]string{"status", "state", "reason"}, name) && strings.Contains(text, "string") &&
			(name != "reason" || !strings.HasSuffix(strings.TrimSuffix(place, "Status"), "Subscription")) { // a text for people
			add("%s is no enumeration", name)
		}
	}
	return faults
}
