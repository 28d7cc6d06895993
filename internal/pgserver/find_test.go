//go:build unix

package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindBinaries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule string
		tree []string // programs, as root sees them; "a -> b" is a link
		want string
	}{
		{"NothingThereIsNothingFound", nil, ""},
		{"ALinkOnThePathLeadsToTheServer", []string{
			"/usr/lib/postgresql/15/bin/initdb", "/usr/lib/postgresql/15/bin/postgres",
			"/usr/lib/postgresql/17/bin/initdb", "/usr/lib/postgresql/17/bin/postgres",
			"/path/initdb -> /usr/lib/postgresql/15/bin/initdb",
		}, "/usr/lib/postgresql/15/bin"},
		{"AWrapperOnThePathIsPassedOver", []string{
			"/path/initdb",
			"/usr/lib/postgresql/17/bin/initdb", "/usr/lib/postgresql/17/bin/postgres",
		}, "/usr/lib/postgresql/17/bin"},
		{"TheNewestIsByNumberNotByText", []string{
			"/usr/lib/postgresql/9.6/bin/initdb", "/usr/lib/postgresql/9.6/bin/postgres",
			"/usr/lib/postgresql/15/bin/initdb", "/usr/lib/postgresql/15/bin/postgres",
			"/usr/lib/postgresql/9.5/bin/initdb", "/usr/lib/postgresql/9.5/bin/postgres",
		}, "/usr/lib/postgresql/15/bin"},
		{"AClientAloneIsPassedOver", []string{
			"/usr/lib/postgresql/17/bin/psql", "/usr/lib/postgresql/17/bin/initdb",
			"/usr/lib/postgresql/16/bin/initdb", "/usr/lib/postgresql/16/bin/postgres",
		}, "/usr/lib/postgresql/16/bin"},
		{"HomebrewIsSearched", []string{
			"/opt/homebrew/opt/postgresql@16/bin/initdb", "/opt/homebrew/opt/postgresql@16/bin/postgres",
			"/opt/homebrew/opt/postgresql@17/bin/initdb", "/opt/homebrew/opt/postgresql@17/bin/postgres",
		}, "/opt/homebrew/opt/postgresql@17/bin"},
		{"PostgresAppIsSearched", []string{
			"/Applications/Postgres.app/Contents/Versions/17/bin/initdb", "/Applications/Postgres.app/Contents/Versions/17/bin/postgres",
		}, "/Applications/Postgres.app/Contents/Versions/17/bin"},
		{"PgConfigIsAskedLast", []string{
			"/elsewhere/initdb", "/elsewhere/postgres", "/path/pg_config",
		}, "/elsewhere"},
		{"PgConfigOfAClientLibraryFindsNothing", []string{"/elsewhere/psql", "/path/pg_config"}, ""},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			root := plant(t, test.tree)
			m := machine{
				root: root,
				lookPath: func(program string) (string, error) {
					path := filepath.Join(root, "path", program)
					_, err := os.Stat(path)
					return path, err
				},
				bindir: func(string) (string, error) { return filepath.Join(root, "elsewhere"), nil },
			}
			got := m.find()
			if want := test.want; strings.TrimPrefix(got, root) != want || (got == "") != (want == "") {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}

// plant makes the tree of programs below a fresh root.
func plant(t *testing.T, tree []string) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range tree {
		path, target, link := strings.Cut(entry, " -> ")
		path = filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if link {
			err = errors.Join(err, os.Symlink(filepath.Join(root, target), path))
		} else {
			err = errors.Join(err, os.WriteFile(path, nil, 0o700))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}
