package main

import (
	"go/parser"
	"go/token"
	"testing"
)

// A change that no longer finds its text in the code tests nothing.
func TestEveryChangeApplies(t *testing.T) {
	t.Parallel()
	mutants, err := all("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		if _, err := parser.ParseFile(token.NewFileSet(), m.path, m.before+m.new+m.behind, 0); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
}
