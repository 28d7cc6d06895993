//go:build unix

package main

import (
	"syscall"
	"testing"
)

// needFiles skips a test if a process cannot have n open files. Go has raised the soft limit
// of this process and of the host to the hard limit.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n {
		t.Skipf("left out: %d open files are allowed, %d are needed (ulimit -Hn), %v", limit.Cur, n, err)
	}
}
