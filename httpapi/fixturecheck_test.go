package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func (f *fixture) step(name string, s step) {
	f.Helper()
	w := f.send(s)
	body := w.Body.String()
	if w.Code != s.status {
		f.Fatalf("%s: status %d, want %d: %s\n%s", name, w.Code, s.status, body, f.log)
	}
	for line := range strings.Lines(s.has) {
		header, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if got := w.Header().Get(header); got != f.fill(value) {
			f.Errorf("%s: header %s is %q, want %q", name, header, got, value)
		}
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		f.Errorf("%s: Cache-Control is %q", name, got)
	}
	f.checkType(name, w)
	if s.code != "" {
		var p struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != s.code {
			f.Fatalf("%s: code %q, want %q: %s", name, p.Code, s.code, body)
		}
	}
	if s.want == "" {
		return
	}
	if diff := f.differs("", parse(f.T, f.fill(s.want)), parse(f.T, body)); diff != "" {
		f.Fatalf("%s: %s\n%s", name, diff, body)
	}
}

func (f *fixture) checkType(name string, w *httptest.ResponseRecorder) {
	f.Helper()
	want := "application/json; charset=utf-8"
	if strings.HasPrefix(w.Body.String(), `{"type":"about:blank"`) {
		want = "application/problem+json"
	}
	if got := w.Header().Get("Content-Type"); got != want && w.Body.Len() > 0 {
		f.Errorf("%s: Content-Type is %q, want %q", name, got, want)
	}
}

func parse(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// differs compares an answer with the pattern of a step.
func (f *fixture) differs(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", at, got)
		}
		for name := range g {
			if _, ok := w[name]; !ok {
				return at + "/" + name + " is not wanted"
			}
		}
		for name := range w {
			if _, ok := g[name]; !ok {
				return at + "/" + name + " is missing"
			}
			if diff := f.differs(at+"/"+name, w[name], g[name]); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, want %d items", at, got, len(w))
		}
		for i := range w {
			if diff := f.differs(fmt.Sprintf("%s/%d", at, i), w[i], g[i]); diff != "" {
				return diff
			}
		}
		return ""
	}
	text, isText := got.(string)
	pattern, _ := want.(string)
	name, capture := strings.CutPrefix(pattern, "<=")
	switch {
	case capture:
		f.vars[strings.TrimSuffix(name, ">")] = fmt.Sprint(got)
	case pattern == "<any>":
	case pattern == "<uuid>" && isText && uuid.Validate(text) == nil && len(text) == 36:
	case pattern == "<time>" && timeForm.MatchString(text):
	case pattern == "<text>" && text != "":
	case want == got:
	default:
		return fmt.Sprintf("%s is %#v, want %#v", at, got, want)
	}
	return ""
}
