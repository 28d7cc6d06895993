package drivers_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each Go snippet of docs/transactions.md stands, line for line, in one of the services.
func TestSnippetsOfThePageStandInTheServices(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/transactions.md")
	check(t, err)
	files, err := filepath.Glob("*service/*service.go")
	check(t, err)
	services := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		services += unindented(string(text))
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(snippets) < 6 {
		t.Fatalf("the page has %d snippets, want one for each library", len(snippets))
	}
	for _, s := range snippets {
		if !strings.Contains(services, unindented(s[1])) {
			t.Errorf("no service contains\n%s", s[1])
		}
	}
}

// unindented is a text without the white space at the beginning of its lines.
func unindented(text string) string {
	return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "")
}
