package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// units are the units of systemd, with a program that is there.
func units(t *testing.T) (paths []string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("left out: there is no systemd-analyze")
	}
	folder := t.TempDir()
	for _, role := range []string{"api", "dispatcher"} {
		name := "webhooks-" + role + ".service"
		text, err := os.ReadFile("systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name)
		unit := strings.Replace(string(text), "/usr/local/bin/hostexample", "/bin/true", 1)
		if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestSystemdUnderstandsTheUnits(t *testing.T) {
	t.Parallel()
	paths := units(t)
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", append([]string{"verify", "--man=no"}, paths...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// The level of exposure is from 0 to 10; below 2 systemd calls it OK.
func TestSystemdCallsTheUnitsSafe(t *testing.T) {
	t.Parallel()
	for _, path := range units(t) {
		analyze := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path)
		out, err := analyze.CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze security: %v\n%s", err, out)
		}
	}
}
