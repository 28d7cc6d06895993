package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/keyring"
	"github.com/ecg-api/webhooks/store"
)

// ErrMissingKey says that signing secrets or headers in the store are encrypted with a key
// that is not in Config.SecretKeys.
var ErrMissingKey = errors.New("webhooks: Config.SecretKeys lacks a key that signing secrets in the store are encrypted with")

// Keys manages Config.SecretKeys, the keys that encrypt signing secrets and the values of
// subscriptions' headers in the store.
type Keys struct{ *core }

// Keys returns the management of the keys that encrypt signing secrets and headers in the store.
func (w *Webhooks) Keys() *Keys { return &Keys{w.core} }

// Check returns [ErrMissingKey] unless Config.SecretKeys has a key for every signing
// secret and every header in the store. It logs damaged secrets and returns no error for them: a damaged secret
// stops the deliveries of its own subscription alone. [Dispatcher.Start] calls Check; a process
// that only serves REST or publishes should call it before it begins. Check reads every secret: a
// million take about two seconds on PostgreSQL.
func (k *Keys) Check(ctx context.Context) error {
	damaged, first := 0, uuid.Nil
	err := k.eachSecret(ctx, k.keyring.KnownPrefixes(), func(rows []store.Secret) error {
		for _, row := range rows {
			if keyring.LacksKey(row.Key) {
				return ErrMissingKey
			}
			if damaged++; damaged == 1 {
				first = row.SubscriptionID
			}
		}
		return nil
	})
	if err == nil {
		err = k.checkHeaders(ctx)
	}
	if err == nil && damaged > 0 {
		k.cfg.Logger.Error("webhooks: signing secrets in the store are damaged", "secrets", damaged, "subscriptionId", first)
	}
	return err
}

// KeyRotation is the result of [Keys.Rotate].
type KeyRotation struct {
	Rotated int // secrets that were encrypted again
	Damaged int // secrets that cannot be decrypted and were left unchanged
	// Subscriptions whose headers were encrypted again. Headers that cannot be decrypted are left unchanged.
	Subscriptions int
}

// Rotate encrypts every signing secret and the headers of every subscription with the first key of
// Config.SecretKeys, also a secret or header that is stored in the clear. Signatures stay the same. Rotate may run while hosts deliver, if
// all of them have the first key, and may be repeated after an interruption: it continues with
// the remaining secrets. It returns [ErrMissingKey] and changes nothing if a secret is encrypted
// with a key that is not configured. After it succeeded, and when every host has the new key
// first, the former keys can be removed.
func (k *Keys) Rotate(ctx context.Context) (KeyRotation, error) {
	var done KeyRotation
	if err := k.Check(ctx); err != nil {
		return done, err
	}
	err := k.eachSecret(ctx, [][]byte{k.keyring.CurrentPrefix()}, func(rows []store.Secret) error {
		changes := make([]store.KeyChange, 0, len(rows))
		for _, row := range rows {
			secret, err := k.decrypt(row)
			if err != nil {
				done.Damaged++
				k.cfg.Logger.Error("webhooks: a signing secret does not open and is left as it is",
					"secretId", row.ID, "subscriptionId", row.SubscriptionID)
				continue
			}
			changes = append(changes, store.KeyChange{SecretID: row.ID, From: row.Key, To: k.encrypt(row, secret)})
		}
		n, err := k.store.ReplaceKeys(ctx, changes)
		done.Rotated += n
		return err
	})
	if err == nil {
		done.Subscriptions, err = k.rotateHeaders(ctx)
	}
	if err != nil {
		return done, fmt.Errorf("webhooks: rotate keys, %d done: %w", done.Rotated, err)
	}
	return done, nil
}

// keyBatch is the number of secrets that are read, and written, at once.
const keyBatch = 500

// eachSecret calls f with the secrets that have none of the prefixes, in batches.
func (k *Keys) eachSecret(ctx context.Context, except [][]byte, f func([]store.Secret) error) error {
	for after := uuid.Nil; ; {
		var rows []store.Secret
		err := k.withinStoreTimeout(ctx, func(ctx context.Context) (err error) {
			rows, err = k.store.SecretsExcept(ctx, except, after, keyBatch)
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

// eachHeaders calls f with the headers of subscriptions, in their stored form, in batches.
func (k *Keys) eachHeaders(ctx context.Context, f func([]store.SubscriptionHeaders) error) error {
	for after := uuid.Nil; ; {
		var batch []store.SubscriptionHeaders
		err := k.withinStoreTimeout(ctx, func(ctx context.Context) (err error) {
			batch, err = k.store.SubscriptionHeaders(ctx, after, keyBatch)
			return err
		})
		if err == nil {
			err = f(batch)
		}
		if err != nil || len(batch) == 0 {
			return err
		}
		after = batch[len(batch)-1].SubscriptionID
	}
}

// checkHeaders returns ErrMissingKey unless there is a key for every header.
func (k *Keys) checkHeaders(ctx context.Context) error {
	known := k.keyring.KnownPrefixes()
	return k.eachHeaders(ctx, func(batch []store.SubscriptionHeaders) error {
		for _, of := range batch {
			for _, value := range of.Headers {
				sealed := sealedValue(value)
				isKnown := func(prefix []byte) bool { return bytes.HasPrefix(sealed, prefix) }
				if sealed != nil && !slices.ContainsFunc(known, isKnown) && keyring.LacksKey(sealed) {
					return ErrMissingKey
				}
			}
		}
		return nil
	})
}

// rotateHeaders encrypts headers with the first key, unless they are, and returns the number of
// changed subscriptions.
func (k *Keys) rotateHeaders(ctx context.Context) (done int, err error) {
	if !k.keyring.Encrypts() {
		return 0, nil
	}
	sealer := sealedStore{ring: k.keyring}
	err = k.eachHeaders(ctx, func(batch []store.SubscriptionHeaders) error {
		var changes []store.SubscriptionHeaders
		for _, of := range batch {
			isCurrent := func(value string) bool { return bytes.HasPrefix(sealedValue(value), k.keyring.CurrentPrefix()) }
			if !slices.ContainsFunc(slices.Collect(maps.Values(of.Headers)), func(v string) bool { return !isCurrent(v) }) {
				continue
			}
			headers, err := sealer.openHeaders(of.OrganizationID, of.SubscriptionID, of.Headers)
			if err != nil {
				k.cfg.Logger.Error("webhooks: headers do not open and are left as they are", "subscriptionId", of.SubscriptionID)
				continue
			}
			of.Headers = sealer.seal(of.OrganizationID, of.SubscriptionID, headers)
			changes = append(changes, of)
		}
		if len(changes) == 0 {
			return nil
		}
		n, err := k.store.ReplaceHeaders(ctx, changes)
		done += n
		return err
	})
	return done, err
}

// encrypt returns the stored form of a secret in its row.
func (c *core) encrypt(row store.Secret, secret string) []byte {
	return c.keyring.Seal(secret, ownerOf(row))
}

// decrypt returns the secret of a row, or errSealed.
func (c *core) decrypt(row store.Secret) (string, error) {
	secret, err := c.keyring.Open(row.Key, ownerOf(row))
	if err != nil {
		return "", errSealed
	}
	return secret, nil
}

// errSealed does not tell why a secret cannot be decrypted.
var errSealed = errors.New("webhooks: a signing secret cannot be decrypted with the keys in Config.SecretKeys")

// ownerOf identifies the row of a secret. Encryption binds the secret to it: a stored secret that
// is copied to another row does not decrypt there.
func ownerOf(row store.Secret) []byte {
	ids := make([]byte, 0, 48)
	ids = append(ids, row.OrganizationID[:]...)
	ids = append(ids, row.SubscriptionID[:]...)
	return append(ids, row.ID[:]...)
}
