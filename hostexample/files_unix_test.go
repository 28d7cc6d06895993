//go:build unix

package main

import (
	"syscall"
	"testing"
)

// needFiles leaves a test out where a process cannot have so many files open. Go
// has raised the limit of this process and of the host to the hard one.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n {
		t.Skipf("left out: %d open files are allowed, %d are needed (ulimit -Hn), %v", limit.Cur, n, err)
	}
}
