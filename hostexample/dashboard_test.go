package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/neighbour"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/metrics"
)

const (
	dashboardFile = "../deploy/grafana/webhooks.json"
	alertsFile    = "../deploy/prometheus/alerts.yml"
)

// TestDashboardAndAlertsFitTheMetricsOfALoadedHost holds that each metric of an expression is exposed, that each exposed
// metric of the library is shown, and that labels have the values of the definition.
func TestDashboardAndAlertsFitTheMetricsOfALoadedHost(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		checkMetrics(t, []string{"WEBHOOKS_DEV=true"}, metrics.Name(measure.PartitionsAhead.Instrument))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		environ, _ := onPostgres(t)
		checkMetrics(t, append(environ, "WEBHOOKS_DEV=true"))
	})
}

// checkMetrics loads a host and checks its metrics. The host lacks the missing ones.
func checkMetrics(t *testing.T, environ []string, missing ...string) {
	page := scrapeLoaded(t, environ)
	exposed := map[string]bool{} // names of families, and of the series of histograms
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`).FindAllStringSubmatch(page, -1) {
		exposed[m[1]] = true
		if m[2] == "histogram" {
			exposed[m[1]+"_bucket"], exposed[m[1]+"_sum"], exposed[m[1]+"_count"] = true, true, true
		}
	}
	used := map[string]bool{}
	for _, file := range []string{dashboardFile, alertsFile} {
		for _, name := range regexp.MustCompile(`\b(webhooks|go|process)_[a-z_]+`).FindAllString(read(t, file), -1) {
			used[name] = true
			if !exposed[name] && !slices.Contains(missing, name) {
				t.Errorf("%s: a loaded host does not expose %s", file, name)
			}
		}
	}
	for _, i := range measure.Instruments() {
		name := metrics.Name(i)
		if !exposed[name] && !slices.Contains(missing, name) {
			t.Errorf("a loaded host does not expose %s", name)
		}
		if !used[name] && !used[name+"_bucket"] && !used[name+"_sum"] {
			t.Errorf("neither the dashboard nor an alert shows %s", name)
		}
		checkLabels(t, page, name, i)
	}
}

// checkLabels holds that the labels of a metric have listed values. The host has no other metrics of the library.
func checkLabels(t *testing.T, page, name string, i *measure.Instrument) {
	t.Helper()
	for _, series := range regexp.MustCompile(`(?m)^`+name+`(?:_sum)?\{(.*)\} `).FindAllStringSubmatch(page, -1) {
		for _, l := range i.Labels {
			m := regexp.MustCompile(`\b` + l.Name + `="([^"]*)"`).FindStringSubmatch(series[1])
			switch {
			case m == nil:
				t.Errorf("%s{%s} has no label %s", name, series[1], l.Name)
			case l.Values != nil && !slices.Contains(l.Values, m[1]), strings.Contains(m[1], path.Base(testOrg)):
				t.Errorf("%s has the label %s=%q", name, l.Name, m[1])
			}
		}
	}
}

// scrapeLoaded starts a host, publishes to endpoints that work, fail and come back, and returns its metrics.
func scrapeLoaded(t *testing.T, environ []string) string {
	folder := t.TempDir()
	s := serve(t, folder, environ, "--retry-schedule=100ms,100ms")
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	good, posts := receive(t, nil)
	var works atomic.Bool
	bad, _ := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	a.subscribe(t, good)
	failing, _ := a.subscribe(t, bad)
	gone := httptest.NewServer(nil)
	gone.Close()
	a.subscribe(t, gone.URL) // nobody listens
	for range 3 {
		a.publish(t)
		next(t, posts)
	}
	metricsNow := func() string {
		_, page, err := a.try(t.Context(), http.MethodGet, "/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	has := func(line string) func() bool {
		return func() bool { return regexp.MustCompile(`(?m)^` + line + `$`).MatchString(metricsNow()) }
	}
	within(t, has(`webhooks_notices_total\{kind="exhausted"\} 6`))
	works.Store(true)
	a.call(t, http.MethodPost, failing+"/recover", map[string]any{
		"since": time.Now().Add(-time.Hour), "status": "failed",
	}, nil, http.StatusAccepted)
	within(t, has(`webhooks_notices_total\{kind="recovered"\} 3`))
	api{url: s.url}.call(t, http.MethodGet, testOrg+"/webhook-subscriptions", nil, nil, http.StatusUnauthorized)
	a.call(t, http.MethodGet, testOrg+"/webhook-subscriptions/"+uuid.NewString(), nil, nil, http.StatusNotFound)
	for _, line := range []string{
		`webhooks_store_up 1`, `webhooks_dispatcher_running 1`, `webhooks_dispatcher_listening 1`,
		`webhooks_attempt_failures_total\{class="http_5xx"\} 9`, `webhooks_attempt_failures_total\{class="connect"\} 9`,
		`webhooks_attempts_total\{outcome="succeeded"\} 6`, `webhooks_publish_fanout_sum 9`,
		`webhooks_http_authentication_failures_total\{reason="unauthorized"\} 1`,
		`webhooks_queue_attempts\{state="due"\} \d+`, `webhooks_http_connections\{state="authenticated"\} 0`,
	} {
		within(t, has(line))
	}
	return metricsNow()
}

// dashboard is the part of a Grafana dashboard that the tests check.
type dashboard struct {
	UID    string
	Panels []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct{ Expr string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestThePanelsOfTheDashboardAreExplained holds the form of the dashboard, as far as Grafana needs it.
func TestThePanelsOfTheDashboardAreExplained(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	ids, places := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d (%q) lacks a number of its own, a title, a description or an expression", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, taken := places[[2]int{x, y}]; taken || x >= 24 {
					t.Fatalf("panel %q overlaps %q or the edge", p.Title, other)
				}
				places[[2]int{x, y}] = p.Title
			}
		}
	}
	if d.UID == "" || len(ids) < 20 {
		t.Errorf("the dashboard %q has %d panels", d.UID, len(ids))
	}
}

func TestPromtoolAcceptsTheAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "../deploy/prometheus", "check", "rules", "alerts.yml")
	promtool(t, "../deploy/prometheus", "test", "rules", "alerts_test.yml")
}

// promtool reads rules alone, so each expression becomes a rule.
func TestPromtoolAcceptsTheExpressionsOfTheDashboard(t *testing.T) {
	t.Parallel()
	rules := []byte("groups:\n- name: dashboard\n  rules:\n")
	for _, p := range readDashboard(t).Panels {
		for i, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr)
			rules = fmt.Appendf(rules, "  - {record: 'panel:%d:%d', expr: '%s'}\n", p.ID, i, expr)
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "dashboard.yml"), rules, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, folder, "check", "rules", "dashboard.yml")
}

// promtool runs Debian's promtool, of the package prometheus, in a folder.
func promtool(t *testing.T, folder string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), neighbour.Program(t, "promtool"), args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
