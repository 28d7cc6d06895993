// Package sqlite opens a [bunstore.Store] in a SQLite file, through
// modernc.org/sqlite, which needs no C.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// Each connection is a reader of its own; writers take turns.
const maxConns = 4

// Options are the settings of [Open].
type Options struct {
	bunstore.Options
}

// Store is a store with a file of its own.
type Store struct {
	*bunstore.Store
}

// Close closes the file.
func (s *Store) Close() error { return s.DB().Close() }

// Open opens the file, which it creates if it is missing, readable for its owner
// alone; the folder must exist. Commits are synced to disk. A file is
// for the processes of one machine, and best for one process.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return nil, fmt.Errorf("sqlite: %q is not the path of a file; for a store in memory take store/memstore", path)
	}
	if err := writable(path); err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", address(path))
	if err != nil {
		return nil, fmt.Errorf("sqlite: cannot open %s: %w", path, err)
	}
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	s, err := bunstore.New(bun.NewDB(pool, sqlitedialect.New()), opts.Options)
	if err == nil {
		if err = pool.PingContext(ctx); err != nil {
			err = fmt.Errorf("sqlite: cannot open %s: %w: %w", path, store.ErrUnavailable, err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &Store{s}, nil
}

// writable replaces SQLite's "out of memory (14)" by an error in plain words.
func writable(path string) error {
	folder := filepath.Dir(path)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("sqlite: the folder %s of the database does not exist", folder)
	case err != nil:
		return fmt.Errorf("sqlite: cannot open %s: %w", path, err)
	case !info.IsDir():
		return fmt.Errorf("sqlite: cannot open %s: %s is not a folder", path, folder)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("sqlite: cannot write the database: %w", err)
	}
	return f.Close()
}

func address(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	settings := url.Values{
		"_busy_timeout": {"4000"}, // also for transactions of the host's
		"_foreign_keys": {"1"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_error_rc":     {"1"},
		// secure_delete removes overwritten values, such as a secret that was in the clear, from
		// their pages. FAST does so where it needs no additional write.
		"_pragma": {"cache_size(-16384)", "secure_delete(fast)"},
	}
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	return file.String()
}
