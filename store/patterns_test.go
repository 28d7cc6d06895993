package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func ExamplePatterns() {
	for _, p := range store.Patterns("vitals.observations.created") {
		fmt.Println(p)
	}
	// Output:
	// vitals.observations.created
	// vitals.observations.*
	// vitals.*
	// *
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][]string{
		"a":          {"a", "*"},
		"a.b":        {"a.b", "a.*", "*"},
		"a.b.c":      {"a.b.c", "a.b.*", "a.*", "*"},
		"a.":         {"a.", "a.*", "*"},
		"a..b":       {"a..b", "a..*", "a.*", "*"},
		".a":         {".a", ".*", "*"},
		"A.b-c_d.1":  {"A.b-c_d.1", "A.b-c_d.*", "A.*", "*"},
		"":           {"", "*"},
		"vitals-2.x": {"vitals-2.x", "vitals-2.*", "*"},
	} {
		if got := store.Patterns(code); !slices.Equal(got, want) {
			t.Errorf("Patterns(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	id, other := uuid.New(), uuid.New()
	tests := map[string]struct {
		version   string
		selectors []store.Selector
		want      bool
	}{
		"NothingSelected":         {"v1", nil, false},
		"ByID":                    {"v1", []store.Selector{{EventTypeID: id}}, true},
		"ByIDOfAnotherVersion":    {"v2", []store.Selector{{EventTypeID: id}}, true},
		"OtherID":                 {"v1", []store.Selector{{EventTypeID: other}}, false},
		"Everything":              {"v1", []store.Selector{{Pattern: "*"}}, true},
		"EverythingOfAnother":     {"v2", []store.Selector{{Pattern: "*"}}, false},
		"LongPrefix":              {"v1", []store.Selector{{Pattern: "a.b.*"}}, true},
		"ShortPrefix":             {"v1", []store.Selector{{Pattern: "a.*"}}, true},
		"PrefixOfAnotherVersion":  {"v2", []store.Selector{{Pattern: "a.*"}}, false},
		"PrefixIsNotTheWholeCode": {"v1", []store.Selector{{Pattern: "a.b.c.*"}}, false},
		"OtherPrefix":             {"v1", []store.Selector{{Pattern: "a.bc.*"}}, false},
		"OtherCase":               {"v1", []store.Selector{{Pattern: "A.*"}}, false},
		"ACodeIsNoPattern":        {"v1", []store.Selector{{Pattern: "a.b.c"}}, false},
		"OneOfSeveral":            {"v1", []store.Selector{{EventTypeID: other}, {Pattern: "x.*"}, {Pattern: "a.*"}}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topics := store.Topics(id, "a.b.c", "v1")
			sub := store.Subscription{Version: tt.version, Selectors: tt.selectors}
			got := slices.ContainsFunc(sub.Topics(), func(topic string) bool { return slices.Contains(topics, topic) })
			if got != tt.want {
				t.Errorf("matches = %t, want %t: the event has %q, the subscription %q", got, tt.want, topics, sub.Topics())
			}
		})
	}
}

// A version with a slash cannot be taken for part of a pattern, because the
// alphabets of versions and codes have none. Versions alone must not run into one
// another.
func TestTopics_VersionsAreApart(t *testing.T) {
	t.Parallel()
	v1 := store.Topics(uuid.New(), "a", "v1")
	v11 := store.Topics(uuid.New(), "a", "v11")
	for _, topic := range v1 {
		if slices.Contains(v11, topic) {
			t.Errorf("v1 and v11 share the topic %q", topic)
		}
	}
}
