// Package testpg tells tests where PostgreSQL is. The server itself comes from internal/pgcluster,
// which `make test` puts around `go test`.
package testpg

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
)

// dsnVariable holds the address of the server, as internal/pgcluster or the developer sets it.
const dsnVariable = "WEBHOOKS_TEST_POSTGRES"

const leftOut = "PostgreSQL left out: " + dsnVariable + " is not set; run make test"

// DSN returns the address of a PostgreSQL server that tests may use. It skips the test when there
// is none, and fails it under CI=true, where nothing is to be left out unnoticed.
func DSN(tb testing.TB) string {
	tb.Helper()
	dsn := os.Getenv(dsnVariable)
	switch {
	case dsn != "":
	case os.Getenv("CI") == "true":
		tb.Fatal(leftOut)
	default:
		tb.Skip(leftOut)
	}
	return dsn
}

// Schema returns a name for a schema of the test's own: a fresh identifier in lower case that needs
// no quoting. The schema is neither created nor dropped.
func Schema(tb testing.TB) string {
	tb.Helper()
	return "test_" + strings.ToLower(rand.Text())
}
