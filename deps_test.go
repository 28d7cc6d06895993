package webhooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const thisModule = "github.com/ecg-api/webhooks"

// maxPackages bounds the packages that a service links when it imports the library and the memory store,
// the standard library's included. net/http alone links 185, the validator 22, jsonschema 10, our own metrics 2 (without a client).
const maxPackages = 256

// allowedModules are all that a service links when it imports the library and the memory store: no
// SQL driver, no REST router, no telemetry. Think twice before adding one: every user gets it.
var allowedModules = []string{
	thisModule,
	"github.com/cenkalti/backoff/v4",
	"github.com/google/uuid",
	"github.com/santhosh-tekuri/jsonschema/v6",
	"golang.org/x/net", // idna
	"golang.org/x/text",

	// The validator and its dependencies.
	"github.com/go-playground/validator/v10",
	"github.com/gabriel-vasile/mimetype",
	"github.com/go-playground/locales",
	"github.com/go-playground/universal-translator",
	"github.com/leodido/go-urn",
	"golang.org/x/crypto",
	"golang.org/x/sys",
}

// forbiddenPackages are ours, and must not come along either.
var forbiddenPackages = []string{
	thisModule + "/store/bunstore",
	thisModule + "/httpapi",
	thisModule + "/hostexample",
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	roots := []string{thisModule, thisModule + "/store/memstore"}
	t.Run("OfTheLibraryWithTheMemoryStoreAreTheAllowedOnes", func(t *testing.T) {
		t.Parallel()
		linked := listDeps(t, roots)
		if len(linked) > maxPackages {
			t.Errorf("a service that imports %v links %d packages, want at most %d", roots, len(linked), maxPackages)
		}
		for path, p := range linked {
			if why := p.forbidden(); why != "" {
				t.Errorf("%s: %s\n\t%s", path, why, strings.Join(importChain(linked, roots, path), "\n\timports "))
			}
		}
	})
}

// TestTheHostAloneLinksTheSDKOfOpenTelemetry holds that package telemetry links the API, and every other package
// nothing of OpenTelemetry.
func TestTheHostAloneLinksTheSDKOfOpenTelemetry(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	const telemetry = thisModule + "/telemetry"
	packages := slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool {
		return path == thisModule+"/hostexample" || path == telemetry
	})
	for path := range listDeps(t, packages) {
		if strings.HasPrefix(path, "go.opentelemetry.io/") {
			t.Errorf("%s is linked:\n\t%s", path, strings.Join(importChain(listDeps(t, packages), packages, path), "\n\timports "))
		}
	}
	api := []string{"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/metric", "go.opentelemetry.io/otel/trace"}
	linked := listDeps(t, []string{telemetry})
	for path, p := range linked {
		if strings.HasPrefix(path, "go.opentelemetry.io/") && (p.Module == nil || !slices.Contains(api, p.Module.Path)) {
			t.Errorf("package telemetry links %s", path)
		}
	}
	if linked["go.opentelemetry.io/otel/trace"].ImportPath == "" {
		t.Error("package telemetry does not link the API: the test looks in the wrong place")
	}
}

func TestImporterNeedsChecksumsOfLinkedModulesAlone(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	service := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(service, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("main.go", fmt.Sprintf("package main\n\nimport (\n\t_ %q\n\t_ %q\n)\n\nfunc main() {}\n",
		thisModule, thisModule+"/store/memstore"))
	write("go.mod", fmt.Sprintf("module example.com/service\n\n%s\n\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n",
		regexp.MustCompile(`(?m)^go .*$`).Find(ours), thisModule, here))

	// The modules are in the cache, because this test was built from them.
	cmd := exec.CommandContext(t.Context(), "go", "get", "./...")
	cmd.Dir, cmd.Env = service, append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go get: %v\n%s", err, out)
	}
	sums, err := os.ReadFile(filepath.Join(service, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		if module := strings.Fields(line)[0]; !slices.Contains(allowedModules, module) {
			t.Errorf("go.sum of a service names %s, which the library does not link", module)
		}
	}
}

// listed is the output of `go list` for a package.
type listed struct {
	ImportPath string
	Standard   bool
	Module     *struct{ Path string }
	Imports    []string
}

// forbidden says why the package must not be linked, or "".
func (p listed) forbidden() string {
	ours := func(path string) bool { return p.ImportPath == path || strings.HasPrefix(p.ImportPath, path+"/") }
	switch {
	case p.Standard:
		return ""
	case p.Module == nil:
		return "belongs to no module"
	case !slices.Contains(allowedModules, p.Module.Path):
		return fmt.Sprintf("module %s is not allowed", p.Module.Path)
	case slices.ContainsFunc(forbiddenPackages, ours):
		return "a part of the module that the library must not need"
	}
	return ""
}

// listDeps returns the packages that the roots link, themselves included, by import path.
func listDeps(t *testing.T, roots []string) map[string]listed {
	t.Helper()
	var complaint bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-json=ImportPath,Standard,Module,Imports"}, roots...)...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &complaint)
	}

	packages := map[string]listed{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

// importChain returns a shortest way from one of the roots to the target.
func importChain(packages map[string]listed, roots []string, target string) []string {
	cameFrom := map[string]string{}
	queue := slices.Clone(roots)
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if path == target {
			break
		}
		for _, imported := range packages[path].Imports {
			if _, seen := cameFrom[imported]; !seen && !slices.Contains(roots, imported) {
				cameFrom[imported] = path
				queue = append(queue, imported)
			}
		}
	}
	chain := []string{target}
	for from, ok := cameFrom[target]; ok; from, ok = cameFrom[from] {
		chain = append(chain, from)
	}
	slices.Reverse(chain)
	return chain
}
