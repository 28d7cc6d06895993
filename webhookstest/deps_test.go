package webhookstest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ecg-api/webhooks"

// A binary that imports the package by mistake gets no test framework, and no module that the library itself lacks.
func TestThePackageLinksOnlyTheLibraryAndNotTesting(t *testing.T) {
	t.Parallel()
	library := linked(t, module, module+"/store/memstore")
	for _, path := range linked(t, module+"/webhookstest") {
		first, _, _ := strings.Cut(path, "/")
		switch {
		case path == "testing" || strings.HasPrefix(path, "testing/") || path == "net/http/httptest":
			t.Errorf("links %s", path)
		case path == module+"/webhookstest", slices.Contains(library, path):
		case strings.Contains(first, "."):
			t.Errorf("links %s, which the library does not need", path)
		}
	}
}

func linked(t *testing.T, packages ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, packages...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// An order that is delivered at the third attempt is the common test. It stays short.
func TestTheCommonTestIsShort(t *testing.T) {
	t.Parallel()
	const longest = 15
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "example_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "TestPay" {
			if lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; lines > longest {
				t.Errorf("TestPay has %d lines, want at most %d", lines, longest)
			}
			return
		}
	}
	t.Error("there is no TestPay")
}
