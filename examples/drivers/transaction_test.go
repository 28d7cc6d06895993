package drivers_test

import (
	"context"
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/examples/drivers/entservice/ent"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// transaction is an open transaction of a library.
type transaction struct {
	tx webhooks.Tx // for PublishTx

	exec             func(ctx context.Context, statement string) error
	commit, rollback func(ctx context.Context) error
	savepoint        func(ctx context.Context) (*transaction, error)
}

// beginner begins a transaction.
type beginner func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error)

// postgresLibraries open a database of PostgreSQL.
var postgresLibraries = map[string]func(t *testing.T, address string) beginner{
	"pgx.Conn":    pgxConn,
	"pgxpool":     pgxPool,
	"sql, pgx":    func(t *testing.T, address string) beginner { t.Helper(); return sqlBegin(pool(t, "pgx", address)) },
	"sql, lib/pq": func(t *testing.T, address string) beginner { t.Helper(); return sqlBegin(pool(t, "postgres", address)) },
	"bun": func(t *testing.T, address string) beginner {
		t.Helper()
		return bunBegin(pool(t, "pgx", address), pgdialect.New())
	},
	"sqlx": func(t *testing.T, address string) beginner {
		t.Helper()
		return sqlxBegin(pool(t, "pgx", address), "pgx")
	},
	"GORM": func(t *testing.T, address string) beginner { t.Helper(); return gormBegin(t, address, gorm.Config{}) },
	"GORM prepared": func(t *testing.T, address string) beginner {
		t.Helper()
		return gormBegin(t, address, gorm.Config{PrepareStmt: true})
	},
	"ent": func(t *testing.T, address string) beginner {
		t.Helper()
		return entBegin(dialect.Postgres, pool(t, "pgx", address))
	},
}

// sqliteLibraries open a pool of SQLite.
var sqliteLibraries = map[string]func(db *sql.DB) beginner{
	"sql":  sqlBegin,
	"bun":  func(db *sql.DB) beginner { return bunBegin(db, sqlitedialect.New()) },
	"sqlx": func(db *sql.DB) beginner { return sqlxBegin(db, "sqlite") },
	"ent":  func(db *sql.DB) beginner { return entBegin(dialect.SQLite, db) },
}

func pool(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	return db
}

// ender is a transaction of database/sql, and of the libraries on it.
type ender interface {
	bunstore.SQLTx
	webhooks.Tx
}

// onSQL is a transaction of a library on database/sql, with savepoints as statements.
func onSQL(tx ender) *transaction {
	out := &transaction{
		tx: bunstore.Tx(tx),
		exec: func(ctx context.Context, statement string) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		},
		commit:   func(context.Context) error { return tx.Commit() },
		rollback: func(context.Context) error { return tx.Rollback() },
	}
	out.savepoint = func(ctx context.Context) (*transaction, error) {
		inner := &transaction{
			tx: out.tx, exec: out.exec,
			commit:   func(ctx context.Context) error { return out.exec(ctx, `RELEASE SAVEPOINT inside`) },
			rollback: func(ctx context.Context) error { return out.exec(ctx, `ROLLBACK TO SAVEPOINT inside`) },
		}
		return inner, out.exec(ctx, `SAVEPOINT inside`)
	}
	return out
}

func sqlBegin(db *sql.DB) beginner {
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: isolation})
		if err != nil {
			return nil, err
		}
		return onSQL(tx), nil
	}
}

func sqlxBegin(db *sql.DB, driver string) beginner {
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		tx, err := sqlx.NewDb(db, driver).BeginTxx(ctx, &sql.TxOptions{Isolation: isolation})
		if err != nil {
			return nil, err
		}
		return onSQL(tx), nil
	}
}

func bunBegin(db *sql.DB, dialect schema.Dialect) beginner {
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		tx, err := bun.NewDB(db, dialect).BeginTx(ctx, &sql.TxOptions{Isolation: isolation})
		if err != nil {
			return nil, err
		}
		return onBun(tx), nil
	}
}

// onBun uses bun's own savepoints.
func onBun(tx bun.Tx) *transaction {
	out := onSQL(tx)
	out.savepoint = func(ctx context.Context) (*transaction, error) {
		inner, err := tx.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		return onBun(inner), nil
	}
	return out
}

func gormBegin(t *testing.T, address string, config gorm.Config) beginner {
	t.Helper()
	db, err := gorm.Open(gormpostgres.Open(address), &config)
	check(t, err)
	pool, err := db.DB()
	check(t, err)
	t.Cleanup(func() { check(t, pool.Close()) })
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		tx := db.WithContext(ctx).Begin(&sql.TxOptions{Isolation: isolation})
		if tx.Error != nil {
			return nil, tx.Error
		}
		return onGORM(tx), nil
	}
}

// onGORM uses GORM's own savepoints.
func onGORM(tx *gorm.DB) *transaction {
	out := &transaction{
		tx:       bunstore.Tx(tx.Statement.ConnPool),
		exec:     func(_ context.Context, statement string) error { return tx.Exec(statement).Error },
		commit:   func(context.Context) error { return tx.Commit().Error },
		rollback: func(context.Context) error { return tx.Rollback().Error },
	}
	out.savepoint = func(context.Context) (*transaction, error) {
		inner := &transaction{
			tx: out.tx, exec: out.exec,
			commit:   func(context.Context) error { return nil },
			rollback: func(context.Context) error { return tx.RollbackTo("inside").Error },
		}
		return inner, tx.SavePoint("inside").Error
	}
	return out
}

func entBegin(dialect string, db *sql.DB) beginner {
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect, db)))
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		tx, err := client.BeginTx(ctx, &sql.TxOptions{Isolation: isolation})
		if err != nil {
			return nil, err
		}
		return onSQL(tx), nil
	}
}

// pgxConn opens a connection for each transaction.
func pgxConn(t *testing.T, address string) beginner {
	t.Helper()
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { check(t, conn.Close(context.Background())) })
		return pgxBegin(ctx, conn.BeginTx, isolation)
	}
}

func pgxPool(t *testing.T, address string) beginner {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), address)
	check(t, err)
	t.Cleanup(pool.Close)
	return func(ctx context.Context, isolation sql.IsolationLevel) (*transaction, error) {
		return pgxBegin(ctx, pool.BeginTx, isolation)
	}
}

func pgxBegin(
	ctx context.Context, begin func(context.Context, pgx.TxOptions) (pgx.Tx, error), isolation sql.IsolationLevel,
) (*transaction, error) {
	var opts pgx.TxOptions
	if isolation == sql.LevelSerializable {
		opts.IsoLevel = pgx.Serializable
	}
	tx, err := begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	return onPgx(tx), nil
}

// onPgx uses pgx's own savepoints.
func onPgx(tx pgx.Tx) *transaction {
	return &transaction{
		tx: bunstore.PgxTx(tx),
		exec: func(ctx context.Context, statement string) error {
			_, err := tx.Exec(ctx, statement)
			return err
		},
		commit: tx.Commit, rollback: tx.Rollback,
		savepoint: func(ctx context.Context) (*transaction, error) {
			inner, err := tx.Begin(ctx)
			if err != nil {
				return nil, err
			}
			return onPgx(inner), nil
		},
	}
}
