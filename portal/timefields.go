package portal

import (
	"net/url"
	"strings"
	"time"
)

// timeField is a field with a time in UTC. A text field says its zone; a field of the type datetime-local would be in the zone of a
// browser that the server does not know.
type timeField struct {
	Name string // of the parameter
	Text string // as it was typed
	Time time.Time
}

// timeForms are the forms of a time that people type, without a zone.
var timeForms = []string{"2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// fieldTime writes a time for a field. It is exact to the millisecond.
func fieldTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999") }

// timeField reads a field with a time.
func (v *visit) timeField(values url.Values, name string, found *faults) timeField {
	field := timeField{Name: name, Text: values.Get(name)}
	if field.Text == "" {
		return field
	}
	var ok bool
	if field.Time, ok = parseTime(field.Text); !ok {
		found.add(name, v.say("time.fault"))
	}
	return field
}

// parseTime reads RFC 3339, or a time without a zone, which is in UTC.
func parseTime(text string) (time.Time, bool) {
	text = strings.TrimSuffix(strings.TrimSpace(text), " UTC")
	at, err := time.Parse(time.RFC3339, text)
	for i := 0; err != nil && i < len(timeForms); i++ {
		at, err = time.Parse(timeForms[i], strings.Replace(strings.TrimSuffix(text, "Z"), "T", " ", 1))
	}
	return at.UTC(), err == nil && at.Year() >= 1970 && at.Year() <= 9999
}

// preset is a link to the present page with another begin of the time.
type preset struct{ URL, Key string }

// presets are links to the last hour, day and week.
func (v *visit) presets(now time.Time, without ...string) []preset {
	var links []preset
	for _, p := range []struct {
		key  string
		span time.Duration
	}{{"hour", time.Hour}, {"day", 24 * time.Hour}, {"week", 7 * 24 * time.Hour}} {
		pairs := []string{"since", fieldTime(now.Add(-p.span).Truncate(time.Minute)), "until", ""}
		for _, name := range without {
			pairs = append(pairs, name, "")
		}
		links = append(links, preset{v.with(pairs...), p.key})
	}
	return links
}
