package bunstore

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The identity of the tables is a random UUID in a table with one row. A statement in the caller's
// transaction also reads the row, and so finds out whether it is in the store's database.

const selectIdentity = `SELECT i.id FROM {}identity AS i`

// identityWait bounds the time that a publish in the caller's transaction waits for a connection of
// the pool, to learn the identity.
const identityWait = 500 * time.Millisecond

// readIdentity returns zero if the row is missing.
func (c conn) readIdentity(ctx context.Context) (uuid.UUID, error) {
	var found id
	err := c.query(ctx, selectIdentity, func(row scanner) error { return row.Scan(&found) })
	return uuid.UUID(found), err
}

// learnIdentity reads the identity of the store's own database.
func (s *Store) learnIdentity(ctx context.Context, handle queryHandle) error {
	found, err := s.on(handle).readIdentity(ctx)
	if err == nil {
		s.identity.Store(&found)
	}
	return err
}

// checkIdentity returns ErrForeignTx if the identity, which was found in the caller's transaction,
// is not the store's. The tables may be newer than the known identity.
func (s *Store) checkIdentity(ctx context.Context, found uuid.UUID) error {
	known := s.identity.Load()
	if known == nil || *known != found {
		if err := s.relearnIdentity(ctx); err != nil {
			return err
		}
		known = s.identity.Load()
	}
	if known == nil || *known == found {
		return nil
	}
	return fmt.Errorf("bunstore: %w: it is of another database; begin it on the database whose tables the store has in %q",
		store.ErrForeignTx, s.schema)
}

// relearnIdentity reads the identity if the pool has a connection to spare: its connections may all be
// held by transactions that wait for this one. It fails only if the tables are missing.
func (s *Store) relearnIdentity(ctx context.Context) error {
	if pool := s.db.Stats(); pool.MaxOpenConnections > 0 && pool.InUse >= pool.MaxOpenConnections {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, identityWait)
	defer cancel()
	if err := s.learnIdentity(ctx, s.db.DB); isMissingTable(err) {
		return fmt.Errorf("bunstore: the store's database has no tables in %q, or tables of an older version: call Migrate: %w", s.schema, err)
	}
	return nil
}

// withoutTables is the error of a statement in the caller's transaction that found no tables.
func (s *Store) withoutTables(ctx context.Context, err error) error {
	if own := s.relearnIdentity(ctx); own != nil {
		return own
	}
	return fmt.Errorf("bunstore: %w: its database has no tables in %q; begin it on the database of the store: %w",
		store.ErrForeignTx, s.schema, err)
}

// checkTx fails with ErrForeignTx if the caller's transaction is of another database.
func (c conn) checkTx(ctx context.Context) error {
	if c.checkIdentity == nil {
		return nil
	}
	found, err := c.readIdentity(ctx)
	if err != nil {
		return err
	}
	return c.checkIdentity(found)
}
