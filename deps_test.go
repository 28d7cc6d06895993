package webhooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const thisModule = "github.com/ecg-api/webhooks"

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
	t.Run("OfTheLibraryWithTheMemoryStoreAreTheAllowedOnes", func(t *testing.T) {
		t.Parallel()
		roots := []string{thisModule, thisModule + "/store/memstore"}
		linked := listDeps(t, roots)
		for path, p := range linked {
			if why := p.forbidden(); why != "" {
				t.Errorf("%s: %s\n\t%s", path, why, strings.Join(importChain(linked, roots, path), "\n\timports "))
			}
		}
	})
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
