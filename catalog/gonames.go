package catalog

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// initialisms are words that Go writes in capitals.
var initialisms = []string{"API", "HTML", "HTTP", "HTTPS", "ID", "IP", "JSON", "UID", "URI", "URL", "UTC", "UUID", "XML"}

// goName returns an exported identifier that resembles a text.
func goName(text string) string {
	name := camelCase(text)
	if first := []rune(name + "x")[0]; !unicode.IsUpper(first) {
		return "X" + name
	}
	return name
}

// camelCase returns the letters and digits of a text, each word with a capital first.
func camelCase(text string) string {
	var name strings.Builder
	for _, word := range words(text) {
		if upper := strings.ToUpper(word); slices.Contains(initialisms, upper) {
			name.WriteString(upper)
			continue
		}
		letters := []rune(word)
		letters[0] = unicode.ToUpper(letters[0])
		name.WriteString(string(letters))
	}
	return name.String()
}

// words splits a text at characters that are neither letter nor digit, and before a capital letter
// behind a small one.
func words(text string) []string {
	var all []string
	var word []rune
	end := func() {
		if word != nil {
			all, word = append(all, string(word)), nil
		}
	}
	for _, c := range text {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			end()
			continue
		}
		if unicode.IsUpper(c) && word != nil && unicode.IsLower(word[len(word)-1]) {
			end()
		}
		word = append(word, c)
	}
	end()
	return all
}

// identifiers are the names that a package or a struct has.
type identifiers map[string]bool

// add returns the identifier, or one with a number behind it if it is taken.
func (i identifiers) add(want string) string {
	name := want
	for n := 2; i[name]; n++ {
		name = want + "_" + strconv.Itoa(n)
	}
	i[name] = true
	return name
}

// taggable reports whether encoding/json takes a name from the tag of a field.
func taggable(name string) bool {
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) {
			return false
		}
	}
	return name != ""
}

// comment returns a text as a comment of Go, "" for an empty text.
func comment(text string) string {
	const width = 98
	var b strings.Builder
	for line := range strings.Lines(text) {
		column := 0
		for word := range strings.FieldsFuncSeq(line, unprintable) {
			if column > 0 && column+len(word) > width {
				column = 0
			}
			if column == 0 {
				b.WriteString("\n//")
			}
			b.WriteString(" " + word)
			column += len(word) + 1
		}
		if column == 0 && b.Len() > 0 {
			b.WriteString("\n//")
		}
	}
	return strings.TrimPrefix(strings.TrimRight(b.String(), "\n/ "), "\n") + "\n"
}

// unprintable reports whether a character is white space, or one that a comment must not have: a
// control character, or a mark that changes the order of the text.
func unprintable(c rune) bool { return unicode.IsSpace(c) || unicode.In(c, unicode.Cc, unicode.Cf) }
