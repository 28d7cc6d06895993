//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMakeTestStartsServersUnderAnyToolchainSetting holds that `make test` sees which packages
// need servers where the environment forbids Go to fetch the Go version of go.mod.
func TestMakeTestStartsServersUnderAnyToolchainSetting(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	obeysOnlyAuto := "#!/bin/sh\n[ \"$GOTOOLCHAIN\" = auto ] || [ \"$1\" = env ] || exit 1\n" +
		"PATH=${PATH#*:} exec go \"$@\"\n"
	if err := os.WriteFile(filepath.Join(directory, "go"), []byte(obeysOnlyAuto), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", "-n", "-C", "../..", "test", "PKG=./store/...")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "PATH="+directory+":"+os.Getenv("PATH"))
	commands, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, commands)
	}
	if !strings.Contains(string(commands), "pgcluster -with nginx,pgbouncer,prometheus -- go test") {
		t.Errorf("make test starts no servers for the stores:\n%s", commands)
	}
}
