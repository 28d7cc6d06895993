package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/ecg-api/webhooks/store/bunstore"
)

// A store on the database that the service has already. Its tables are beside the service's own:
// on PostgreSQL in the schema "webhooks", on SQLite with that prefix. The state of the migrations
// can be shown before they are applied.
func ExampleNew() {
	ctx := context.Background()
	db, closeDatabase := serviceDatabase()
	defer closeDatabase()

	st, err := bunstore.New(bun.NewDB(db, sqlitedialect.New()), bunstore.Options{})
	must(err)
	migrations, err := st.Migrations(ctx)
	must(err)
	fmt.Println(migrations[0].Version, migrations[0].Name, "applied:", !migrations[0].AppliedAt.IsZero())
	fmt.Println("ready:", st.Ping(ctx) == nil)
	must(st.Migrate(ctx))
	migrations, err = st.Migrations(ctx)
	must(err)
	fmt.Println(migrations[0].Version, migrations[0].Name, "applied:", !migrations[0].AppliedAt.IsZero())
	fmt.Println("ready:", st.Ping(ctx) == nil)
	// Output:
	// 1 initial applied: false
	// ready: false
	// 1 initial applied: true
	// ready: true
}

// serviceDatabase opens a database as a service does, by database/sql.
func serviceDatabase() (db *sql.DB, done func()) {
	folder, err := os.MkdirTemp("", "example")
	must(err)
	db, err = sql.Open("sqlite", "file:"+filepath.Join(folder, "service.db")+"?_txlock=immediate")
	must(err)
	return db, func() {
		must(db.Close())
		must(os.RemoveAll(folder))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
