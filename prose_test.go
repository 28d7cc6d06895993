package webhooks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vague are words that stand for a noun which the reader has to find.
var vague = regexp.MustCompile(`\b((?i:what|who|whom|whose|those|others|so many|such a one|by now|of late|do it|in it)|[Tt]he rest)\b`)

// maxVague is the number of vague words in 1,000 that a package or a page may have.
const maxVague = 5

// TestCommentsNameTheirNouns bounds the vague words in the comments of each package, and in
// each page of the documentation.
func TestCommentsNameTheirNouns(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) == ".go":
			text, err := comments(path)
			texts[filepath.Dir(path)] += text
			return err
		case filepath.Ext(path) == ".md":
			texts[path], err = prose(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		words, found := len(strings.Fields(text)), vague.FindAllString(text, -1)
		if len(found)*1000 > maxVague*words {
			t.Errorf("%s: %d of %d words are vague, %.1f in 1,000, want at most %d: %q",
				name, len(found), words, float64(len(found)*1000)/float64(words), maxVague, found)
		}
	}
}

// comments returns the comments of a Go file, none of a generated one.
func comments(path string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(f) {
		return "", err
	}
	var b strings.Builder
	for _, group := range f.Comments {
		b.WriteString(group.Text())
	}
	return b.String(), nil
}

var code = regexp.MustCompile("(?s)```.*?```|`[^`]*`")

// prose returns the text of a page without its code.
func prose(path string) (string, error) {
	page, err := os.ReadFile(path)
	return code.ReplaceAllString(string(page), ""), err
}
