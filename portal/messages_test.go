package portal_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// texts reads the texts of a language, by key.
func texts(t *testing.T, tag string) map[string]string {
	t.Helper()
	files, err := filepath.Glob("messages/" + tag + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages of %s: %v", tag, err)
	}
	all := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var own map[string]string
		if err := json.Unmarshal(content, &own); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for key, text := range own {
			if _, twice := all[key]; twice {
				t.Errorf("%s: the key %q is in another file too", file, key)
			}
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: the text of %q is empty", file, key)
			}
			all[key] = text
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`\{\d\}`)

func TestEachTextExistsInEveryLanguage(t *testing.T) {
	t.Parallel()
	english, german := texts(t, "en"), texts(t, "de")
	for key, text := range english {
		translated, ok := german[key]
		if !ok {
			t.Errorf("de lacks %q", key)
			continue
		}
		want, got := placeholder.FindAllString(text, -1), placeholder.FindAllString(translated, -1)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
			t.Errorf("%q has the placeholders %v in en, and %v in de", key, want, got)
		}
	}
	for key := range german {
		if _, ok := english[key]; !ok {
			t.Errorf("en lacks %q", key)
		}
	}
}

// TestEachTextIsUsed finds texts that no page shows: a key stands as a whole in a template or in the code, or a prefix of it that
// ends in a dot does.
func TestEachTextIsUsed(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	for _, pattern := range []string{"templates/*.html", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(content)
		}
	}
	all := sources.String()
	for _, key := range slices.Sorted(maps.Keys(texts(t, "en"))) {
		if !used(all, key) {
			t.Errorf("no page uses the text %q", key)
		}
	}
}

func used(sources, key string) bool {
	key = strings.TrimSuffix(strings.TrimSuffix(key, ".other"), ".one")
	if strings.Contains(sources, `"`+key+`"`) {
		return true
	}
	if parent, last, ok := cutLast(key); ok {
		return strings.Contains(sources, `"`+parent+`."`) || last == "title" && used(sources, parent)
	}
	return false
}

func cutLast(key string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(key, '.')
	if i < 0 {
		return "", "", false
	}
	return key[:i], key[i+1:], true
}
