package webhooks_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each Go snippet of the README and of the guides stands, line for line, in an example that is compiled.
// The snippets of two pages have tests of their own, because they need other programs.
func TestSnippetsStandInExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/example*_test.go")
	check(err)
	services, err := filepath.Glob("examples/drivers/*/*service.go")
	check(err)
	examples := ""
	for _, file := range slices.Concat(files, services, []string{"example_test.go"}) {
		text, err := os.ReadFile(file)
		check(err)
		examples += unindented(string(text))
	}
	guides, err := filepath.Glob("docs/*.md")
	check(err)
	for _, page := range append(guides, "README.md") {
		if name := filepath.Base(page); name == "receiving.md" || name == "catalog.md" {
			continue
		}
		text, err := os.ReadFile(page)
		check(err)
		for _, s := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(examples, unindented(s[1])) {
				t.Errorf("%s: no example contains\n%s", page, s[1])
			}
		}
	}
}

// unindented is a text without the white space at the beginning of its lines.
func unindented(text string) string {
	return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "")
}
