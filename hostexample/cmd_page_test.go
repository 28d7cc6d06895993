package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// sharedFlags are described at the top of docs/cli.md, in docs/host.md, and in the help.
var sharedFlags = []string{
	"help", "version", "log-level", "log-format", "store", "schema", "pool-size", "listen-address", "url", "token-file", "json", "org",
}

// sectionsOfPage returns the sections of docs/cli.md by their titles.
func sectionsOfPage(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split("\n"+string(page), "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		sections[title] = text
	}
	return sections
}

func TestThePageOfCommandsHasEachFlag(t *testing.T) {
	t.Parallel()
	sections := sectionsOfPage(t)
	parser, err := kong.New(new(cli))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, leaf := range parser.Model.Leaves(false) {
		flags := ownFlags(leaf)
		if !slices.Contains(flags, "token-file") { // it is not for daily work
			continue
		}
		command := leaf.Path()
		section, ok := sections[command]
		if !ok {
			section, ok = sections[strings.Fields(command)[0]]
		}
		if !ok {
			t.Errorf("docs/cli.md has no section for %s", command)
			continue
		}
		for _, flag := range flags {
			if !slices.Contains(sharedFlags, flag) && !names(section, flag) {
				t.Errorf("docs/cli.md lacks --%s of %s", flag, command)
			}
		}
		checked++
	}
	for _, flag := range []string{"url", "token-file", "json", "org"} {
		if !names(sections["Access"], flag) {
			t.Errorf("docs/cli.md lacks --%s of all commands", flag)
		}
	}
	if checked < 15 {
		t.Errorf("only %d commands were checked", checked)
	}
}

// names reports whether a text has the flag, and not only a longer one.
func names(text, flag string) bool {
	return regexp.MustCompile(`--` + flag + `([^a-z-]|$)`).MatchString(text)
}

// ownFlags returns the flags of a command, and of the commands above it.
func ownFlags(leaf *kong.Node) (own []string) {
	for _, group := range leaf.AllFlags(false) {
		for _, flag := range group {
			own = append(own, flag.Name)
		}
	}
	return own
}
