//go:build unix

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// places are where packages put the server's programs without adding them to the PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // PostgreSQL's own RPMs
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/opt/local/lib/postgresql*/bin", // MacPorts
}

// errNoPostgres tells the user how to get PostgreSQL. It is the whole output.
var errNoPostgres = errors.New("no PostgreSQL server found: install it " +
	"(Debian: apt-get install postgresql, macOS: brew install postgresql@17) or set " +
	"WEBHOOKS_TEST_POSTGRES=postgres://user:password@host:port/database")

// machine is the system on which the server is searched.
type machine struct {
	root     string // of the file system
	lookPath func(program string) (string, error)
	bindir   func(pgConfig string) (string, error) // the output of pg_config --bindir
}

var thisMachine = machine{
	root:     "/",
	lookPath: exec.LookPath,
	bindir: func(pgConfig string) (string, error) {
		out, err := exec.Command(pgConfig, "--bindir").Output()
		return strings.TrimSpace(string(out)), err
	},
}

// Installed returns the directory of PostgreSQL's server programs, "" where there is none.
func Installed() string { return thisMachine.find() }

// Programs returns the directory of PostgreSQL's server programs, and installs them
// on a Debian, as root.
func Programs(ctx context.Context) (string, error) {
	if bin := thisMachine.find(); bin != "" {
		return bin, nil
	}
	if err := install(ctx); err != nil {
		return "", err
	}
	if bin := thisMachine.find(); bin != "" {
		return bin, nil
	}
	return "", errNoPostgres
}

// find looks on the PATH, then in the usual places, newest version first, then asks
// pg_config. It returns "" when there is none.
func (m machine) find() string {
	if initdb, err := m.lookPath("initdb"); err == nil {
		// On Debian it is a link into the version's own directory, where the other programs are.
		if target, err := filepath.EvalSymlinks(initdb); err == nil && hasServer(filepath.Dir(target)) {
			return filepath.Dir(target)
		}
	}
	for _, place := range places {
		found, _ := filepath.Glob(filepath.Join(m.root, place)) // the patterns are well-formed
		slices.SortFunc(found, func(a, b string) int { return slices.Compare(version(b), version(a)) })
		if i := slices.IndexFunc(found, hasServer); i >= 0 {
			return found[i]
		}
	}
	if pgConfig, err := m.lookPath("pg_config"); err == nil {
		// pg_config comes with the client library too, and then names a directory without a server.
		if bin, err := m.bindir(pgConfig); err == nil && hasServer(bin) {
			return bin
		}
	}
	return ""
}

// hasServer reports whether the directory holds the two programs that a cluster needs.
func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var digits = regexp.MustCompile(`\d+`)

// version reads the numbers of the directory above bin: 9.6, 17, postgresql@17, pgsql-17.
func version(bin string) (numbers []int) {
	for _, text := range digits.FindAllString(filepath.Base(filepath.Dir(bin)), -1) {
		number, _ := strconv.Atoi(text) // only digits
		numbers = append(numbers, number)
	}
	return numbers
}

// InstallNeighbours installs the servers that tests run beside, on a Debian, as root. It names
// the servers that stay missing: the tests that need them are skipped.
func InstallNeighbours(ctx context.Context, names []string) {
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := exec.LookPath(name)
		_, errSbin := exec.LookPath("/usr/sbin/" + name)
		return err == nil || errSbin == nil
	})
	if len(missing) == 0 {
		return
	}
	if err := installPackages(ctx, missing...); err != nil {
		fmt.Fprintf(os.Stderr, "pgcluster: tests with %s are left out: %v\n", strings.Join(missing, " and "), err)
	}
}

// install installs PostgreSQL on a Debian, as root. On other systems the user decides.
func install(ctx context.Context) error {
	err := installPackages(ctx, "postgresql")
	switch {
	case errors.Is(err, errNotOurs):
		return errNoPostgres
	case err != nil:
		return fmt.Errorf("%w; %w", err, errNoPostgres)
	}
	return nil
}

var errNotOurs = errors.New("this is not Debian, or the user is not root")

// installPackages installs Debian packages, if this process is root on a Debian.
func installPackages(ctx context.Context, packages ...string) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return errNotOurs
	}
	fmt.Fprintln(os.Stderr, "pgcluster: installing", strings.Join(packages, " "))
	for _, arguments := range [][]string{{"update"}, append([]string{"install", "-y"}, packages...)} {
		cmd := exec.CommandContext(ctx, apt, arguments...) //nolint:gosec // apt-get by its own path, with the arguments above
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // stdout belongs to the command
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s %s: %w", apt, arguments[0], err)
		}
	}
	return nil
}
