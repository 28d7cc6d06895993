package bunstore_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// unsuitable are settings with which the store does not work.
var unsuitable = map[string]string{
	"client_encoding": "LATIN1", "standard_conforming_strings": "off", "DateStyle": "German", "bytea_output": "escape",
	"extra_float_digits": "-15", "array_nulls": "off", "default_transaction_isolation": "serializable",
}

// harmless are settings that change the results of other programs.
var harmless = map[string]string{
	"TimeZone": "Asia/Kolkata", "IntervalStyle": "iso_8601", "DateStyle": "ISO, DMY", "search_path": "nowhere",
	"backslash_quote": "off", "escape_string_warning": "off", "transform_null_equals": "on", "xmloption": "document",
	"quote_all_identifiers": "on", "row_security": "off", "default_transaction_deferrable": "on", "extra_float_digits": "3",
}

func TestSession(t *testing.T) {
	t.Parallel()
	t.Run("OfAHostsPoolIsRefusedByName", func(t *testing.T) {
		t.Parallel()
		s := newPostgres(t)
		for name, value := range unsuitable {
			other, err := bunstore.New(bun.NewDB(hostsPool(t, 1, map[string]string{name: value}), pgdialect.New()),
				bunstore.Options{Schema: s.Schema()})
			check(t, err)
			for use, err := range map[string]error{"Ping": other.Ping(t.Context()), "Migrate": other.Migrate(t.Context())} {
				if err == nil || !strings.Contains(err.Error(), name+` is "`+value) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s with %s=%s: got %v, want a line that names both", use, name, value, err)
				}
			}
		}
	})
	t.Run("OfAHostsPoolMayDifferOtherwise", func(t *testing.T) {
		t.Parallel()
		for _, noPrepare := range []bool{false, true} {
			s := migrated(t, newOn(t, hostsPool(t, 4, harmless), bunstore.Options{NoPrepare: noPrepare}))
			check(t, s.Ping(t.Context()))
			newWalk(t, s).all()
		}
	})
	// The check was passed, and then the settings of the role changed, or the host ran SET.
	t.Run("ThatEscapedTheCheckDoesNotRunATextAsSQL", func(t *testing.T) {
		t.Parallel()
		s := newPostgres(t)
		unsafe, err := bunstore.New(bun.NewDB(hostsPool(t, 4, map[string]string{"standard_conforming_strings": "off"}), pgdialect.New()),
			bunstore.Options{Schema: s.Schema()})
		check(t, err)
		newWalk(t, unsafe).all()
	})
	t.Run("OfOurPoolIsSet", func(t *testing.T) {
		t.Parallel()
		settings := maps.Clone(harmless)
		maps.Copy(settings, unsuitable)
		s, err := postgres.Open(t.Context(), asRole(t, settings), postgres.Options{Options: bunstore.Options{Schema: testpg.Schema(t)}})
		check(t, err)
		t.Cleanup(func() {
			check(t, s.Close())
			_, err := postgresPool(t).Exec(`DROP SCHEMA IF EXISTS "` + s.Schema() + `" CASCADE`)
			check(t, err)
		})
		migrated(t, s.Store)
		check(t, s.Ping(t.Context()))
		newWalk(t, s.Store).all()
	})
	// A pooler takes neither bytea_output nor array_nulls from us, so the role must have them.
	t.Run("OfAPoolersServerIsRefusedByName", func(t *testing.T) {
		t.Parallel()
		s := openThrough(t, "escape", postgres.Options{})
		if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), `bytea_output is "escape"`) {
			t.Errorf("Ping returned %v, want bytea_output named", err)
		}
	})
}

// asRole makes a role with settings, and returns the address for it.
func asRole(t *testing.T, settings map[string]string) string {
	t.Helper()
	admin, role := postgresPool(t), testpg.Schema(t)
	exec := func(text string, args ...any) {
		_, err := admin.ExecContext(t.Context(), fmt.Sprintf(text, args...))
		check(t, err)
	}
	exec(`CREATE ROLE %s LOGIN SUPERUSER PASSWORD 'secret'`, role)
	t.Cleanup(func() {
		_, err := admin.Exec(`REASSIGN OWNED BY ` + role + ` TO CURRENT_USER; DROP OWNED BY ` + role + `; DROP ROLE ` + role)
		check(t, err)
	})
	for name, value := range settings {
		exec(`ALTER ROLE %s SET %s = '%s'`, role, name, value)
	}
	config, err := pgx.ParseConfig(testpg.DSN(t))
	check(t, err)
	address, err := url.Parse(fmt.Sprintf("postgres://%s:secret@%s:%d/%s?sslmode=disable", role, config.Host, config.Port, config.Database))
	check(t, err)
	return address.String()
}

func TestOptionsPrintNoPassword(t *testing.T) {
	t.Parallel()
	opts := postgres.Options{ListenAddress: "postgres://ann:canary@db/webhooks"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, opts); strings.Contains(text, "canary") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
