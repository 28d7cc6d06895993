package client_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A service that imports the client links the standard library and google/uuid, and nothing else:
// neither the library that the host embeds nor a driver of a database.
func TestLinksTheStandardLibraryAndUUIDAlone(t *testing.T) {
	t.Parallel()
	const us = "github.com/ecg-api/webhooks/client"
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", us)
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	linked := strings.Fields(string(out))
	slices.Sort(linked)
	if want := []string{us, "github.com/google/uuid"}; !slices.Equal(linked, want) {
		t.Errorf("it links %v, want %v", linked, want)
	}
}
