//go:build unix

package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

// A change that does not find its text in the code removes nothing.
func TestEveryChangeApplies(t *testing.T) {
	t.Parallel()
	all := map[string][]change{"soak": soakChanges}
	for _, g := range guards {
		all[g.scenario+" without "+g.lacks] = g.changes
	}
	for name, changes := range all {
		changed, err := apply("..", changes)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for path, text := range changed {
			if filepath.Ext(path) != ".go" {
				continue
			}
			if _, err := parser.ParseFile(token.NewFileSet(), path, text, 0); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestEveryScenarioWasSeenToFail(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		if !slices.ContainsFunc(guards, func(g guard) bool { return g.scenario == s.name }) {
			t.Errorf("%s has no guard", s.name)
		}
	}
	for _, g := range guards {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == g.scenario }) {
			t.Errorf("there is no scenario %s", g.scenario)
		}
	}
}
