package portal

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// functions are the functions of templates, in one language.
func (l *language) functions() template.FuncMap {
	return template.FuncMap{
		"t": l.t, "n": l.n, "total": l.total, "has": l.has, "number": l.number, "percent": l.percent,
		"time": l.time, "ago": l.ago, "duration": l.duration, "ms": l.milliseconds,
		"millis": func(ms int64) string { return l.milliseconds(&ms) },
		"rate":   l.rate, "seconds": l.seconds, "bytes": l.bytes,
		"data": data, "line": oneLine,
	}
}

// number returns a number with the language's separators.
func (l *language) number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + l.texts["format.thousands"] + digits[i:]
	}
	return sign + digits
}

// decimal returns a number with one decimal, or none where that is zero.
func (l *language) decimal(f float64) string {
	text := strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
	return strings.Replace(text, ".", l.texts["format.decimal"], 1)
}

// percent returns a share from 0 to 1 as a percentage. It is 100 % only where the share is 1.
func (l *language) percent(share float64) string {
	if share < 1 {
		share = min(share, 0.999)
	}
	return l.decimal(100*share) + " %"
}

// duration returns a duration in its largest unit.
func (l *language) duration(d time.Duration) string {
	d = d.Abs()
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return l.decimal(d.Seconds()) + " s"
	case d < time.Hour:
		return l.decimal(d.Minutes()) + " min"
	case d < 48*time.Hour:
		return l.decimal(d.Hours()) + " h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " " + l.texts["format.days"]
}

// milliseconds returns a number of milliseconds as a duration; nil is a dash.
func (l *language) milliseconds(ms *int64) string {
	if ms == nil {
		return "–"
	}
	return l.duration(time.Duration(*ms) * time.Millisecond)
}

// rate returns a number per second.
func (l *language) rate(f float64) string {
	if f > 0 && f < 0.1 {
		return "< " + l.decimal(0.1)
	}
	return l.decimal(f)
}

// seconds returns a number of seconds as a duration.
func (l *language) seconds(s float64) string {
	return l.duration(time.Duration(s * float64(time.Second)))
}

// bytes returns a size in its largest unit.
func (l *language) bytes(n int64) string {
	size, units := float64(n), []string{" B", " KiB", " MiB", " GiB", " TiB"}
	for ; size >= 1024 && len(units) > 1; units = units[1:] {
		size /= 1024
	}
	return l.decimal(size) + units[0]
}

// time returns an element with a time. The script shows it in the zone of the browser; the tooltip has it in UTC.
func (l *language) time(t time.Time) template.HTML {
	return l.timeElement(t, t.UTC().Format(l.texts["format.time"])+" UTC", "absolute")
}

// ago returns an element with the distance of a time from now, such as "3 min ago".
func (l *language) ago(t time.Time) template.HTML {
	distance := time.Since(t)
	key := "format.ago"
	switch {
	case distance.Abs() < time.Second:
		key = "format.now"
	case distance < 0:
		key = "format.in"
	}
	text, _ := l.t(key, l.duration(distance.Truncate(time.Second)))
	return l.timeElement(t, text, "relative")
}

func (l *language) timeElement(t time.Time, text, kind string) template.HTML {
	if t.IsZero() {
		return "–"
	}
	iso := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return template.HTML(fmt.Sprintf( //nolint:gosec // escaped here
		`<time datetime="%[1]s" title="%[1]s" data-kind="%[2]s">%[3]s</time>`, iso, kind, template.HTMLEscapeString(text)))
}

// data returns a text of a customer as an element that cannot change the direction or the layout of the text around it.
// Characters that are not seen are shown as escapes.
func data(text any) template.HTML {
	escaped := template.HTMLEscapeString(visible(fmt.Sprint(text), true))
	return template.HTML(`<bdi class="data">` + escaped + `</bdi>`) //nolint:gosec // escaped here
}

// oneLine returns a text of a customer for a title or an attribute: in one line, without characters that are not seen.
func oneLine(text any) string { return visible(fmt.Sprint(text), false) }

// visible shows characters that are not seen, such as marks of direction, as escapes.
func visible(text string, lines bool) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case lines && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
