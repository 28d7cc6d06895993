package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ecg-api/webhooks/store/bunstore/internal/pgarray"
	"github.com/ecg-api/webhooks/store/bunstore/internal/session"
)

// connector connects with the settings that the store needs as startup parameters. A SET
// would stay on the server's connection when a pooler gives that to another client;
// a pooler refuses or ignores the startup parameters that it cannot keep to one client.
type connector struct {
	driver.Connector // with all settings
	pooled           driver.Connector
	refused          atomic.Bool
}

func newConnector(config *pgx.ConnConfig) *connector {
	with := func(params map[string]string) driver.Connector {
		c := config.Copy()
		c.RuntimeParams = params
		return stdlib.GetConnector(*c, stdlib.OptionAfterConnect(func(_ context.Context, conn *pgx.Conn) error {
			pgarray.Register(conn.TypeMap())
			return nil
		}))
	}
	return &connector{Connector: with(session.Direct(config.RuntimeParams)), pooled: with(session.Pooled(config.RuntimeParams))}
}

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if !c.refused.Load() {
		conn, err := c.Connector.Connect(ctx)
		if !refusesParameter(err) {
			return conn, err
		}
	}
	conn, err := c.pooled.Connect(ctx)
	if err == nil {
		c.refused.Store(true)
	}
	return conn, err
}

// refusesParameter reports whether the server does not take a startup parameter: PgBouncer
// answers 08P01 (protocol_violation), RDS Proxy 0A000 (feature_not_supported), and a database that has
// no such setting 42704 (undefined_object).
func refusesParameter(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && slices.Contains([]string{"08P01", "0A000", "42704"}, server.Code)
}
