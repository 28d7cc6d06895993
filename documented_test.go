package webhooks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExportedNamesAreDocumented demands a comment on every exported name of the public packages:
// each type, function, method, constant, variable, struct field and interface method. A constant or
// variable needs a comment of its own, also inside a group. Fields may share a comment: see
// undocumentedMembers.
func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	folders := publicFolders(t)
	if len(folders) < 10 {
		t.Fatalf("found %d public packages, want at least 10: %q", len(folders), folders)
	}
	for _, folder := range folders {
		fset, files := token.NewFileSet(), []*ast.File(nil)
		for _, path := range goFiles(t, folder) {
			f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		for _, f := range files {
			for _, name := range undocumented(fset, f) {
				t.Errorf("%s: %s has no comment", fset.Position(name.Pos()), name.Name)
			}
		}
		if !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
			t.Errorf("package %s has no comment", folder)
		}
	}
}

// TestUndocumentedNamesAreFound shows each form of a name without a comment, and of a documented
// name, to the check.
func TestUndocumentedNamesAreFound(t *testing.T) {
	t.Parallel()
	const source = `package p

func Missing1()      {}
func (t Type) Missing2() {}
func (hidden) Method() {}
func private()       {}

// Function is documented.
func Function() {}

// Type is documented.
type Type struct {
	Missing3, Missing4 int
	private  int
	Trailing int // is documented
	Embedded

	// The comment of three fields.
	A    int
	B, C int

	Missing5 int
}

type Missing6 interface {
	Missing7()
	// Method is documented.
	Method()
}

type hidden struct{ Field int }

// A group needs a comment for each name.
const (
	Missing8 = iota
	Nine     // is documented
)

// Single is documented.
var Single int

var Missing9, Missing10 int
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range undocumented(fset, f) {
		got = append(got, strings.TrimPrefix(name.Name, "Missing"))
	}
	if want := "1 2 3 4 5 6 7 8 9 10"; strings.Join(got, " ") != want {
		t.Errorf("names without a comment: %q, want %s", got, want)
	}
}

// publicFolders returns the folders of the packages that another module can import.
func publicFolders(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		_, noModule := os.Stat(filepath.Join(path, "go.mod"))
		name := d.Name()
		if path != "." && (noModule == nil || name == "internal" || name == "testdata" || name == "node_modules" || name[0] == '.') {
			return filepath.SkipDir
		}
		if files := goFiles(t, path); len(files) > 0 && packageName(t, files[0]) != "main" {
			folders = append(folders, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// goFiles returns the Go files of a folder, without its tests.
func goFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

func packageName(t *testing.T, path string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return f.Name.Name
}

// undocumented returns the exported names of a file that have no comment.
func undocumented(fset *token.FileSet, f *ast.File) (names []*ast.Ident) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && (d.Recv == nil || receiver(d).IsExported()) {
				names = append(names, exported(d.Name)...)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names = append(names, undocumentedSpec(fset, d, spec)...)
			}
		}
	}
	return names
}

// receiver returns the name of the type of a method.
func receiver(d *ast.FuncDecl) *ast.Ident {
	var name *ast.Ident
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == nil {
			name = id
		}
		return name == nil
	})
	return name
}

// undocumentedSpec returns the names of a type, or of constants or variables. The comment of the
// declaration counts if it has no parentheses.
func undocumentedSpec(fset *token.FileSet, d *ast.GenDecl, spec ast.Spec) (names []*ast.Ident) {
	alone := d.Doc != nil && !d.Lparen.IsValid()
	switch s := spec.(type) {
	case *ast.ValueSpec:
		if !alone && s.Doc == nil && s.Comment == nil {
			names = exported(s.Names...)
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		if !alone && s.Doc == nil && s.Comment == nil {
			names = append(names, s.Name)
		}
		switch t := s.Type.(type) {
		case *ast.StructType:
			names = append(names, undocumentedMembers(fset, t.Fields.List, true)...)
		case *ast.InterfaceType:
			names = append(names, undocumentedMembers(fset, t.Methods.List, false)...)
		}
	}
	return names
}

// undocumentedMembers returns the names of fields or methods. With blocks, the comment above the
// first of several fields without a blank line between them is a comment on each of them, unless
// another one of them has a comment of its own.
func undocumentedMembers(fset *token.FileSet, members []*ast.Field, blocks bool) (names []*ast.Ident) {
	for len(members) > 0 {
		n := 1
		for n < len(members) && fset.Position(members[n].Pos()).Line <= fset.Position(members[n-1].End()).Line+1 {
			n++
		}
		block := members[:n]
		members = members[n:]
		commented := func(m *ast.Field) bool { return m.Doc != nil || m.Comment != nil }
		if blocks && block[0].Doc != nil && !slices.ContainsFunc(block[1:], commented) {
			continue
		}
		for _, m := range block {
			if !commented(m) {
				names = append(names, exported(m.Names...)...)
			}
		}
	}
	return names
}

func exported(names ...*ast.Ident) []*ast.Ident {
	return slices.DeleteFunc(slices.Clone(names), func(id *ast.Ident) bool { return !id.IsExported() })
}
