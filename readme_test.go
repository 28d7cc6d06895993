package webhooks_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each Go snippet of the README stands, line for line, in an example that is compiled.
func TestReadmeSnippetsStandInExamples(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	check(err)
	files, err := filepath.Glob("*/example*_test.go")
	check(err)
	examples := ""
	for _, file := range append(files, "example_test.go") {
		text, err := os.ReadFile(file)
		check(err)
		examples += unindented(string(text))
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(snippets) == 0 {
		t.Fatal("the README has no Go snippet")
	}
	for _, s := range snippets {
		if !strings.Contains(examples, unindented(s[1])) {
			t.Errorf("no example contains\n%s", s[1])
		}
	}
}

// unindented is a text without the white space at the beginning of its lines.
func unindented(text string) string {
	return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "")
}
