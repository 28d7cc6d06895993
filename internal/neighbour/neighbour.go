// Package neighbour finds the programs of other projects that tests run beside: nginx in front of a
// receiver, PgBouncer in front of PostgreSQL, Chromium in front of the portal. `make test` installs them where it may; see
// internal/pgcluster.
package neighbour

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sbin holds the directories of servers that are often not on a developer's PATH.
var sbin = []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"}

// Program returns the path of the first of the programs that is installed. It skips the test when none
// is, and fails it under CI=true, where nothing is to be left out unnoticed.
func Program(tb testing.TB, names ...string) string {
	tb.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, dir := range sbin {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path
			}
		}
	}
	leftOut := names[0] + " left out: it is not installed; run make test as root on Debian, or install it"
	if os.Getenv("CI") == "true" {
		tb.Fatal(leftOut)
	}
	tb.Skip(leftOut)
	return ""
}
