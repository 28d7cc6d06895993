package bench_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// userHZ is the unit of the times in /proc: it is 100 wherever Go runs on Linux.
const userHZ = 100

// postmaster returns the parent of all processes of PostgreSQL, or 0 without a /proc.
func postmaster(b testing.TB) int {
	b.Helper()
	db, err := sql.Open("pgx", testpg.DSN(b))
	check(b, err)
	defer func() { check(b, db.Close()) }()
	var backend int
	check(b, db.QueryRow(`SELECT pg_backend_pid()`).Scan(&backend))
	return parseStat(fmt.Sprintf("/proc/%d/stat", backend)).parent
}

// stat is a process as /proc describes it.
type stat struct {
	pid, parent  int
	self, reaped float64 // seconds of CPU, its own and of the children that it outlived
}

func parseStat(path string) (s stat) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s // it has ended, or this is not Linux
	}
	pid, rest, _ := strings.Cut(string(text), " ")
	fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
	number := func(i int) float64 {
		n, _ := strconv.ParseFloat(fields[i], 64) // always a number
		return n
	}
	s.pid, _ = strconv.Atoi(pid)
	s.parent, s.self, s.reaped = int(number(1)), (number(11)+number(12))/userHZ, (number(13)+number(14))/userHZ
	return s
}

// cpuSeconds returns the CPU time of a process and of PostgreSQL together.
func cpuSeconds(pid, postmaster int) (seconds float64) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range paths {
		switch s := parseStat(path); {
		case s.pid == postmaster:
			seconds += s.self + s.reaped
		case s.pid == pid, s.parent == postmaster:
			seconds += s.self
		}
	}
	return seconds
}

// ownCPU returns the seconds of CPU that this process and PostgreSQL take for a function.
func ownCPU(postmaster int, f func()) float64 {
	before := cpuSeconds(os.Getpid(), postmaster)
	f()
	return cpuSeconds(os.Getpid(), postmaster) - before
}

// memory is the most that a process has had resident, in MiB.
func memory(pid int) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // "" where there is no /proc
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64) // always a number
	return kib / 1024
}
