package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
)

// TestTypeScript lints the document with Redocly, and walks from a category to a retry
// with types of openapi-typescript, which tsc checks, and openapi-fetch.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	folder := npmFolder(t)
	t.Run("RedoclyFindsNoFault", func(t *testing.T) {
		t.Parallel()
		inFolder(t, folder, "node_modules/.bin/redocly", "lint", "openapi.json")
	})
	t.Run("TheClientWorks", func(t *testing.T) {
		t.Parallel()
		inFolder(t, folder, "node_modules/.bin/openapi-typescript", "openapi.json", "--output", "api.d.ts")
		keep(t, filepath.Join(folder, "api.d.ts"))
		inFolder(t, folder, "node_modules/.bin/tsc", "--project", ".")
		inFolder(t, folder, "node", "client.js")
	})
}

// npmFolder returns a folder with the document, the client and the tools. If npm cannot
// install them it skips the test, or fails it under CI=true, which allows no skipped tests.
func npmFolder(t *testing.T) string {
	t.Helper()
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
	if err := os.CopyFS(folder, os.DirFS("typescript")); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../httpapi/testdata/openapi.json")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "openapi.json"), document, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		leftOut("npm's tools left out: they cannot be installed: %v: %s", err, out)
	}
	return folder
}

// keep copies generated types to the folder of the sources, for users of TypeScript.
func keep(t *testing.T, types string) {
	t.Helper()
	text, err := os.ReadFile(types)
	if err == nil {
		err = os.WriteFile(filepath.Join("typescript", filepath.Base(types)), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inFolder runs a program, which finds the host in its environment.
func inFolder(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	if filepath.Base(program) != program {
		program = filepath.Join(folder, program)
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir = folder
	c.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true",
		"API_URL="+host.url, "API_TOKEN="+host.token, "API_ORGANIZATION="+uuid.NewString())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(program), args, err, out)
	}
}
