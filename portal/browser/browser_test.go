package browser_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
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

// chromium returns the path of Chromium. Debian's headless shell is the same engine with the part of the
// browser that a test needs: it takes two thirds of the time.
func chromium(t *testing.T) string {
	t.Helper()
	return neighbour.Program(t, "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
}

// ready skips the test, or fails it under CI=true, if a program is missing. It fails the test if npm cannot fetch the packages.
func ready(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the portal in a browser left out: it takes minutes")
	}
	chromium(t)
	neighbour.Program(t, "node")
	neighbour.Program(t, "npm")
	if err := installed(); err != nil {
		t.Fatal(err)
	}
}

// suite is a folder for the suite and its packages.
var suite string

func TestMain(m *testing.M) { os.Exit(inFolder(m.Run)) }

// inFolder calls run while suite exists.
func inFolder(run func() int) int {
	var err error
	if suite, err = os.MkdirTemp("", "portal-browser"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(suite) }()
	return run()
}

// installed copies the suite to its folder, and lets npm install its packages there.
var installed = sync.OnceValue(func() error {
	files, err := filepath.Glob("suite/*.*")
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(suite, filepath.Base(file)), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	install := exec.Command("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = suite
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
})

// run runs a file of the suite against sites, by the names of their stores.
func run(t *testing.T, sites map[string]site, file string) {
	t.Helper()
	description, err := json.Marshal(sites)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), neighbour.Program(t, "node"), "--test-reporter=spec", file)
	cmd.Dir = suite
	cmd.Env = append(os.Environ(), "SITES="+string(description), "CHROMIUM="+chromium(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
