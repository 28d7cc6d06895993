package bunstore

import (
	"fmt"
	"slices"
	"strings"
)

// SQL returns the migrations of a dialect, "postgres" or "sqlite", as plain SQL with the schema
// filled in, by version: for a team that changes its databases with a tool of its own. The schema
// is as in [Options], "" for the default. [Store.Migrate] runs the same text.
//
// Up and Down also keep the store's own table of versions. A store that meets tables which were
// made this way finds them up to date, and Migrate changes nothing.
//
// Run each text in a transaction; none begins or ends one. A text has many statements: send it as a
// whole, without parameters.
func SQL(dialect, schema string) ([]Migration, error) {
	schema, err := checkSchema(schema)
	if err != nil {
		return nil, err
	}
	switch dialect {
	case "postgres":
		return postgresSyntax.migrationsIn(schema), nil
	case "sqlite":
		return sqliteSyntax.migrationsIn(schema), nil
	}
	return nil, fmt.Errorf("bunstore: dialect %q: want postgres or sqlite", dialect)
}

// migrationsIn fills in a schema, and adds the statements that keep the table of versions.
func (s *syntax) migrationsIn(schema string) []Migration {
	fill := strings.NewReplacer("{}", s.prefix(schema), "{schema}", schema).Replace
	out := slices.Clone(s.migrations)
	for i := range out {
		m := &out[i]
		m.Up = fill(fmt.Sprintf("%s\nINSERT INTO {}migrations (version, name, applied_at) VALUES (%d, '%s', %s);\n",
			m.Up, m.Version, m.Name, s.present))
		m.Down = fill(fmt.Sprintf("%s\nDELETE FROM {}migrations WHERE version = %d;\n", m.Down, m.Version))
	}
	return out
}
