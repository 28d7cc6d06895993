package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
)

// TestToolsTakeTheDocument gives the document to tools of others: a linter, and a
// generator whose client then calls the interface below a prefix.
func TestToolsTakeTheDocument(t *testing.T) {
	t.Parallel()
	folder := npmFolder(t)
	t.Run("RedoclyFindsNoFault", func(t *testing.T) {
		t.Parallel()
		inFolder(t, folder, nil, "node_modules/.bin/redocly", "lint", "openapi.json")
	})
	t.Run("AGeneratedClientWorks", func(t *testing.T) {
		t.Parallel()
		inFolder(t, folder, nil, "node_modules/.bin/openapi-typescript", "openapi.json", "--output", "api.d.ts")
		inFolder(t, folder, nil, "node_modules/.bin/tsc", "--project", ".")
		f := newFixture(t, stores["memory"](t))
		server := httptest.NewServer(http.StripPrefix("/hooks", f.handler))
		defer server.Close()
		out := inFolder(t, folder, []string{"API_URL=" + server.URL + "/hooks", "API_TOKEN=admin", "API_ORGANIZATION=" + orgA}, "node", "client.js")
		ids := regexp.MustCompile(`^([0-9a-f-]{36}) ([0-9a-f-]{36})\n$`).FindStringSubmatch(out)
		if ids == nil {
			t.Fatalf("the client printed %q", out)
		}
		f.vars["published"], f.vars["activity"] = ids[1], ids[2]
		f.run([]step{{as: "read", do: "GET " + events + "/{published}/explain", status: 200, want: `{"items": [
			{"subscriptionId": "<uuid>", "postUri": "https://example.com/webhooks", "matched": true, "reason": null, "activationId": "{activity}", "status": "pending", "heldUntil": null}]}`}})
	})
}

// npmFolder returns a folder with the document, the client and the tools. Where they
// cannot be had it skips the test, and fails it under CI=true, where nothing is to be
// left out unnoticed.
func npmFolder(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("npm's tools left out: -short")
	}
	leftOut := t.Skipf
	if os.Getenv("CI") == "true" {
		leftOut = t.Fatalf
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			leftOut("npm's tools left out: there is no %s", tool)
		}
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/client")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "openapi.json"), httpapi.OpenAPI(), 0o600); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		leftOut("npm's tools left out: they cannot be installed: %v: %s", err, out)
	}
	return folder
}

// inFolder runs a program and returns its standard output.
func inFolder(t *testing.T, folder string, environ []string, program string, args ...string) string {
	t.Helper()
	if filepath.Base(program) != program {
		program = filepath.Join(folder, program)
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir = folder
	c.Env = append(os.Environ(), append(environ, "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")...)
	out, err := c.Output()
	if err == nil {
		return string(out)
	}
	complaint := ""
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it bare
		complaint = string(exit.Stderr)
	}
	t.Fatalf("%s %v: %v\n%s\n%s", filepath.Base(program), args, err, out, complaint)
	return ""
}
