package clients_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
)

// TestTypeScript lints the document with Redocly, and walks from a category to a retry
// with types of openapi-typescript, which tsc checks, and openapi-fetch. It validates the documents of
// the host's catalog, and of one with hard schemas, with Redocly and the parser of AsyncAPI.
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
	t.Run("TheDocumentsOfTheCatalogAreValid", func(t *testing.T) {
		t.Parallel()
		save(t, folder, "seed.openapi.json", fetch(t, "/api/catalog.openapi.json"))
		save(t, folder, "seed.asyncapi.json", fetch(t, "/api/catalog.asyncapi.json"))
		for _, name := range []string{"hard.openapi.json", "hard.asyncapi.json"} {
			text, err := os.ReadFile(filepath.Join("../../catalog/testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			save(t, folder, name, text)
		}
		inFolder(t, folder, "node_modules/.bin/redocly", "lint", "--config=catalog.redocly.yaml", "seed.openapi.json", "hard.openapi.json")
		inFolder(t, folder, "node", "asyncapi.js", "seed.asyncapi.json", "hard.asyncapi.json")
		inFolder(t, folder, "node_modules/.bin/openapi-typescript", "seed.openapi.json", "--redocly=catalog.redocly.yaml",
			"--output=catalog.d.ts")
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

// fetch returns an answer of the host.
func fetch(t *testing.T, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+host.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d, %v: %s", path, answer.StatusCode, err, text)
	}
	return text
}

func save(t *testing.T, folder, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
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
