package signing_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// How long a comparison takes must not tell how much of a signature is right. No test
// of what comes out can see that, so this one reads the code: what compares MACs does
// it with hmac.Equal, and nothing here compares bytes in another way.
func TestMACsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	equal := map[string]bool{} // the files in which hmac.Equal is called
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, _ := call.X.(*ast.Ident)
			switch {
			case from == nil:
			case from.Name == "hmac" && call.Sel.Name == "Equal":
				equal[f.Name()] = true
			case (from.Name == "bytes" || from.Name == "slices" || from.Name == "reflect") && (strings.Contains(call.Sel.Name, "Equal") || call.Sel.Name == "Compare"):
				t.Errorf("%s compares with %s.%s", f.Name(), from.Name, call.Sel.Name)
			}
			return true
		})
	}
	for _, name := range []string{"hash.go", "verify.go"} {
		if !equal[name] {
			t.Errorf("%s does not call hmac.Equal", name)
		}
	}
}
