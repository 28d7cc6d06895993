package portal

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	xlanguage "golang.org/x/text/language"
)

//go:embed messages
var messageFiles embed.FS

// shipped are the languages of the program. The first one has every key, and is shown where nothing else fits.
var shipped = []string{"en", "de"}

// languages are the languages in which pages are shown.
type languages struct {
	all     []*language // the first one is English
	matcher xlanguage.Matcher
}

// language has the texts of one language, by key.
type language struct {
	tag   string // such as de, for the attribute lang
	texts map[string]string
}

func newLanguages(added map[string]map[string]string) (*languages, error) {
	texts := map[string]map[string]string{}
	for _, tag := range shipped {
		own, err := shippedTexts(tag)
		if err != nil {
			return nil, err
		}
		texts[tag] = own
	}
	english := maps.Clone(texts["en"])
	for tag, own := range added {
		for key := range own {
			if _, ok := english[key]; !ok {
				return nil, fmt.Errorf("portal: Config.Messages[%q] has the key %q, which no page uses", tag, key)
			}
		}
		if texts[tag] == nil {
			texts[tag] = map[string]string{}
		}
		maps.Copy(texts[tag], own)
	}
	tags := append(slices.Clone(shipped), slices.DeleteFunc(slices.Sorted(maps.Keys(added)), func(tag string) bool {
		return slices.Contains(shipped, tag)
	})...)
	return languagesOf(tags, texts, english)
}

// shippedTexts reads the texts of a language: one file for each section of the portal.
func shippedTexts(tag string) (map[string]string, error) {
	files, err := messageFiles.ReadDir("messages/" + tag)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, f := range files {
		name := "messages/" + tag + "/" + f.Name()
		content, err := messageFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var own map[string]string
		if err := json.Unmarshal(content, &own); err != nil {
			return nil, fmt.Errorf("portal: %s: %w", name, err)
		}
		maps.Copy(texts, own)
	}
	return texts, nil
}

func languagesOf(tags []string, texts map[string]map[string]string, english map[string]string) (*languages, error) {
	var parsed []xlanguage.Tag
	l := &languages{}
	for _, tag := range tags {
		t, err := xlanguage.Parse(tag)
		if err != nil {
			return nil, fmt.Errorf("portal: Config.Messages has the key %q, which is no language tag such as de or pt-BR", tag)
		}
		parsed = append(parsed, t)
		all := maps.Clone(english)
		maps.Copy(all, texts[tag])
		l.all = append(l.all, &language{tag, all})
	}
	l.matcher = xlanguage.NewMatcher(parsed)
	return l, nil
}

// choose returns the language that the user chose, or else the one that the browser asks for.
func (l *languages) choose(r *http.Request) *language {
	var chosen string
	if c, err := r.Cookie(languageCookie); err == nil {
		chosen = c.Value
	}
	_, i := xlanguage.MatchStrings(l.matcher, chosen, r.Header.Get("Accept-Language"))
	return l.all[i]
}

// t returns the text of a key with its arguments in the place of {0}, {1} and so on.
func (l *language) t(key string, args ...any) (string, error) {
	text, ok := l.texts[key]
	if !ok {
		return "", fmt.Errorf("portal: there is no text with the key %q", key)
	}
	if len(args) == 0 {
		return text, nil
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		if n, ok := a.(int); ok {
			a = l.number(n)
		}
		pairs = append(pairs, fmt.Sprintf("{%d}", i), fmt.Sprint(a))
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// n returns the text of key.one or key.other, with the count in the place of {0}.
func (l *language) n(key string, count int) (string, error) {
	if count == 1 {
		return l.t(key+".one", count)
	}
	return l.t(key+".other", count)
}

// maxTotal ends the counting of the lists that a page shows. No page reads the whole history for a number.
const maxTotal = 1000

// total returns the text of a count that ended at maxTotal.
func (l *language) total(key string, count int) (string, error) {
	text, err := l.n(key, count)
	if count >= maxTotal {
		text += " " + l.texts["or_more"]
	}
	return text, err
}

// has reports whether there is a text with the key.
func (l *language) has(key string) bool { return l.texts[key] != "" }
