package webhooks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packageTime are the functions that wait for, or read, the time of the machine instead of Config.Clock.
var packageTime = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
}

// What waits beside the clock stays behind when a test moves the clock.
func TestTheLibraryFollowsItsClockAlone(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{".", "delivery", "store/memstore"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := s.X.(*ast.Ident); ok && slices.Contains(packageTime[pkg.Name], s.Sel.Name) {
						t.Errorf("%s: %s.%s does not follow Config.Clock", set.Position(s.Pos()), pkg.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}
