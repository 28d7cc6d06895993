// Package neighbour finds the servers of other projects that tests run beside: nginx in front of a
// receiver, PgBouncer in front of PostgreSQL. `make test` installs them where it may; see
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

// Program returns the path of a server's program. It skips the test when the program is not
// installed, and fails it under CI=true, where nothing is to be left out unnoticed.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range sbin {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	leftOut := name + " left out: it is not installed; run make test as root on Debian, or install it"
	if os.Getenv("CI") == "true" {
		tb.Fatal(leftOut)
	}
	tb.Skip(leftOut)
	return ""
}
