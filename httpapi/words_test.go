package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every member of the interface has an entry in the vocabulary, and every entry is used.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	config := Config{PortalLinks: struct{ PortalLinks }{}}
	s := config.newSchemas()
	for _, r := range config.routes() {
		operationOf(s, r)
	}
	errorResponses(s, config.routes())
	used := map[string]bool{}
	for component := range s.byName {
		used[component+"."] = true
	}
	members := map[string]bool{}
	for component, typ := range s.types {
		for _, f := range fields(typ) {
			members[f.owner+"."+f.name] = true
			key := f.owner + "." + f.name
			if _, ok := vocabulary[key]; !ok {
				key = f.name
			}
			if _, ok := vocabulary[key]; !ok {
				t.Errorf("%s.%s is not in the vocabulary", component, f.name)
			}
			used[key] = true
		}
	}
	entries := 0
	for _, words := range vocabularyParts {
		entries += len(words)
	}
	if entries != len(vocabulary) {
		t.Errorf("%d entries of the vocabulary are in two parts", entries-len(vocabulary))
	}
	for key, w := range vocabulary {
		if !used[key] {
			t.Errorf("%q is in the vocabulary for nothing", key)
		}
		if w.example != "" && !json.Valid([]byte(w.example)) {
			t.Errorf("the example of %q is no JSON: %s", key, w.example)
		}
		if strings.HasSuffix(w.text, " ") {
			t.Errorf("%q: %q", key, w.text)
		}
	}
	for component, names := range beyondMembers {
		for _, name := range names {
			if !members[component+"."+name] {
				t.Errorf("%s.%s is beyond the reference, and no component has it", component, name)
			}
		}
	}
}
