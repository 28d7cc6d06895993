package webhooks_test

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// secretName matches names of values that a caller could guess byte by byte if a comparison took
// longer for a longer correct prefix.
var secretName = regexp.MustCompile(`(?i)(secret|signature|token|password|hash|hmac|\bmac\b|private|\bsum\b)`)

// harmless are comparisons that look like comparisons of secrets, with the reason why they are not.
var harmless = map[string]string{
	"slices.Contains(d.writable, p.tokens[0])": "the tokens of a JSON Pointer",
	"strconv.Itoa(i) == token":                 "the same",
}

// comparers are the functions that stop at the first difference.
var comparers = map[string]bool{
	"bytes.Equal": true, "bytes.Compare": true, "bytes.HasPrefix": true, "strings.EqualFold": true, "strings.Compare": true,
	"slices.Equal": true, "slices.Compare": true, "reflect.DeepEqual": true, "cmp.Compare": true, "slices.Contains": true,
}

// Secrets, signatures and tokens are compared with hmac.Equal or
// subtle.ConstantTimeCompare.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	right := map[string]bool{}
	for _, folder := range []string{".", "signing", "httpapi", "delivery", "delivery/guard", "hostexample"} {
		files, err := fs.Glob(os.DirFS("."), path.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
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
			compared := comparedRight(set, file)
			ast.Inspect(file, func(n ast.Node) bool {
				text, found := comparison(set, n, compared)
				if _, ok := harmless[text]; found && !ok {
					t.Errorf("%s: %s: compare with hmac.Equal or subtle.ConstantTimeCompare, or say above why it is harmless", set.Position(n.Pos()), text)
				}
				return true
			})
			right[name] = len(compared) > 0
		}
	}
	for _, file := range []string{"secrets.go", "signing/hash.go", "signing/verify.go", "signing/ed25519.go"} {
		if !right[file] {
			t.Errorf("%s: nothing is compared in constant time any more", file)
		}
	}
}

// comparedRight returns the arguments of the comparisons in constant time in a file, by their
// text. Whatever their names, they are secrets there.
func comparedRight(set *token.FileSet, file *ast.File) map[string]bool {
	compared := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch written(set, call.Fun) {
			case "hmac.Equal", "subtle.ConstantTimeCompare":
				for _, arg := range call.Args {
					compared[written(set, arg)] = true
				}
			}
		}
		return true
	})
	return compared
}

// comparison returns the text of a comparison of a secret with something else than a
// constant. A secret is an expression with a secret's name, or one made of an expression in compared.
func comparison(set *token.FileSet, n ast.Node, compared map[string]bool) (string, bool) {
	var sides []ast.Expr
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op != token.EQL && n.Op != token.NEQ {
			return "", false
		}
		sides = []ast.Expr{n.X, n.Y}
	case *ast.CallExpr:
		if !comparers[written(set, n.Fun)] {
			return "", false
		}
		sides = n.Args
	default:
		return "", false
	}
	if slices.ContainsFunc(sides, constant) {
		return "", false
	}
	secret := slices.ContainsFunc(sides, func(e ast.Expr) bool {
		found := secretName.MatchString(written(set, e))
		ast.Inspect(e, func(n ast.Node) bool {
			part, ok := n.(ast.Expr)
			found = found || ok && compared[written(set, part)]
			return true
		})
		return found
	})
	return written(set, n), secret
}

// constant reports whether an expression is nil, a literal, a length or a composite
// one such as PublicKey{}.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.CompositeLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.Ident)
		return ok && f.Name == "len"
	}
	return false
}

func written(set *token.FileSet, n ast.Node) string {
	var b strings.Builder
	if err := printer.Fprint(&b, set, n); err != nil {
		return ""
	}
	return b.String()
}
