//go:build browser

package browser_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ecg-api/webhooks/internal/neighbour"
)

// site describes the portal for the suite.
type site struct {
	URL   string             `json:"url"`
	Org   string             `json:"org"`   // path of the organization with the endpoints
	Pages map[string]address `json:"pages"` // by name

	// Of endpoints that the flows use, by the name of the run:
	Failing   map[string]string `json:"failing"`   // paths; the circuit is open
	Unhealthy map[string]string `json:"unhealthy"` // URLs; the circuit is open
	Missed    map[string]string `json:"missed"`    // paths; 30 events were missed

	Embedder string `json:"embedder"` // origin of a page that shows the portal in an iframe
	Foreign  string `json:"foreign"`  // origin of a page that may not
	Healthy  string `json:"healthy"`  // path of an endpoint that works
}

// address is a page, and the user that visits it.
type address struct {
	Path   string            `json:"path"`
	Who    string            `json:"who,omitempty"`    // see caller; default: developer
	Fill   map[string]string `json:"fill,omitempty"`   // values of fields, by CSS selector
	Press  string            `json:"press,omitempty"`  // CSS selector of the button that leads to the page; default: none
	Status int               `json:"status,omitempty"` // default: 200
}

// run runs files of the suite against a site.
func run(t *testing.T, s site, files ...string) {
	t.Helper()
	description, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), neighbour.Program(t, "node"), append([]string{"--test", "--test-reporter=spec"}, files...)...)
	cmd.Dir = suite(t)
	cmd.Env = append(os.Environ(), "SITE="+string(description), "CHROMIUM="+neighbour.Program(t, "chromium"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// suite returns a folder with the suite and its packages.
func suite(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files, err := filepath.Glob("suite/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(file)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	npm := neighbour.Program(t, "npm")
	install := exec.CommandContext(t.Context(), npm, "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}
