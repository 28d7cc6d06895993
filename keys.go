package webhooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// ErrMissingKey says that signing secrets in the store are encrypted with a key
// that is not in Config.SecretKeys.
var ErrMissingKey = errors.New("webhooks: Config.SecretKeys lacks a key that signing secrets in the store are encrypted with")

// keyBatch is how many secrets are read, and written, in one go.
const keyBatch = 500

// CheckKeys returns [ErrMissingKey] unless there is a key in Config.SecretKeys for
// every signing secret in the store. Secrets that are damaged are logged and no
// error: each is its own subscription's trouble. [Dispatcher.Start] does this too;
// a process that only serves or publishes should before it begins. It reads through
// all of them: a million take some two seconds on PostgreSQL.
func (s *Subscriptions) CheckKeys(ctx context.Context) error { return s.checkKeys(ctx) }

func (c *core) checkKeys(ctx context.Context) error {
	damaged, first := 0, uuid.Nil
	err := c.eachSecret(ctx, c.keyring.known(), func(rows []store.Secret) error {
		for _, row := range rows {
			if foreign(row.Key) {
				return ErrMissingKey
			}
			if damaged++; damaged == 1 {
				first = row.SubscriptionID
			}
		}
		return nil
	})
	if err == nil && damaged > 0 {
		c.cfg.Logger.Error("webhooks: signing secrets in the store are damaged", "secrets", damaged, "of subscription", first)
	}
	return err
}

// eachSecret calls f with all secrets that begin as none of the prefixes, in
// batches.
func (c *core) eachSecret(ctx context.Context, except [][]byte, f func([]store.Secret) error) error {
	for after := uuid.Nil; ; {
		var rows []store.Secret
		err := c.withinStoreTimeout(ctx, func(ctx context.Context) (err error) {
			rows, err = c.store.SecretsExcept(ctx, except, after, keyBatch)
			return err
		})
		if err != nil {
			return err
		}
		if err := f(rows); err != nil {
			return err
		}
		if len(rows) < keyBatch {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// KeyRotation is what [Subscriptions.RotateKeys] did.
type KeyRotation struct {
	Rotated int // secrets that were encrypted anew
	Damaged int // secrets that do not open; they stay as they are
}

// RotateKeys encrypts every signing secret anew that is not encrypted with the
// first of Config.SecretKeys, those in the clear included. The secrets themselves
// stay the same, and sign on. It can run while hosts do, if all of them have the
// key, and be run again after it was interrupted: it goes on with what is left.
// [ErrMissingKey], and nothing is changed, if it is not the keys' to do. Once it
// has succeeded and every host has the new key first, the others can go.
func (s *Subscriptions) RotateKeys(ctx context.Context) (KeyRotation, error) {
	var done KeyRotation
	if err := s.checkKeys(ctx); err != nil {
		return done, err
	}
	err := s.eachSecret(ctx, [][]byte{s.keyring.wanted()}, func(rows []store.Secret) error {
		changes := make([]store.KeyChange, 0, len(rows))
		for _, row := range rows {
			secret, err := s.keyring.open(row)
			if err != nil {
				done.Damaged++
				s.cfg.Logger.Error("webhooks: a signing secret does not open and is left as it is",
					"secret", row.ID, "subscription", row.SubscriptionID)
				continue
			}
			changes = append(changes, store.KeyChange{SecretID: row.ID, From: row.Key, To: s.keyring.seal(row, secret)})
		}
		n, err := s.store.ReplaceKeys(ctx, changes)
		done.Rotated += n
		return err
	})
	if err != nil {
		return done, fmt.Errorf("webhooks: rotate keys, %d done: %w", done.Rotated, err)
	}
	return done, nil
}
