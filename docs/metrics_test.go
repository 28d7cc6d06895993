package docs_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/metrics"
)

var update = flag.Bool("update", false, "write the table of metrics")

// TestMetricsAreDocumented holds the table of docs/metrics.md against the definition in package measure.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "-update` -->\n")
	table, after, closed := strings.Cut(rest, "<!-- metrics: end -->")
	if !found || !closed {
		t.Fatal("metrics.md has no marks around its table")
	}
	want := metricsTable()
	switch {
	case table == want:
	case *update:
		if err := os.WriteFile("metrics.md", []byte(before+"-update` -->\n"+want+"<!-- metrics: end -->"+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table is not that of package measure; go test ./docs -run Metrics -update writes it:\n%s", want)
	}
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("\n| metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, i := range measure.Instruments() {
		var labels []string
		for _, l := range i.Labels {
			text := "`" + l.Name + "`: " + l.Help
			if l.Values != nil {
				text = "`" + l.Name + "`: " + strings.Join(l.Values, ", ")
			}
			labels = append(labels, text)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n",
			metrics.Name(i), i.Kind, strings.Trim(i.Unit, "{}"), strings.Join(labels, "; "), i.Help)
	}
	return b.String() + "\n"
}

// TestAlertsAreDocumented holds that each alert names a heading of docs/metrics.md, and that each heading is of an alert.
func TestAlertsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (Webhooks\w+)$`).FindAllStringSubmatch(string(text), -1) {
		headings[m[1]] = true
	}
	alerts := regexp.MustCompile(`(?s)- alert: (\w+)\n.*?runbook: (\S+)\n`).FindAllStringSubmatch(string(rules), -1)
	if n := strings.Count(string(rules), "- alert:"); n != len(alerts) || n != len(headings) {
		t.Errorf("%d alerts, %d with a runbook, %d headings", n, len(alerts), len(headings))
	}
	for _, alert := range alerts {
		if want := "docs/metrics.md#" + strings.ToLower(alert[1]); !headings[alert[1]] || alert[2] != want {
			t.Errorf("%s: the runbook is %s, want %s, which metrics.md has: %t", alert[1], alert[2], want, headings[alert[1]])
		}
	}
}
