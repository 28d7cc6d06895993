package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ecg-api/webhooks"
)

// rotateKeysCmd encrypts all signing secrets with the first key.
type rotateKeysCmd struct{ storeSettings }

// Help lists the steps of a replacement, in order.
func (*rotateKeysCmd) Help() string {
	return `To replace the key A by a new one, B, while hosts run:

    1. Every host gets WEBHOOKS_SECRET_KEYS=A,B, then every host B,A.
    2. hostexample rotate-keys, with B,A.
    3. Every host gets B alone. A host without a key that is still needed does not start.

The command can be interrupted, and run again. If the setting was off before, every host
gets the key first, all within a short time: a host without the key cannot use the
secrets that the other hosts encrypt.`
}

func (r *rotateKeysCmd) run(ctx context.Context, h *host, c *cli) error {
	keys, _, err := h.readSecretKeys()
	if err != nil {
		return err
	}
	if keys == nil {
		return wrong("WEBHOOKS_SECRET_KEYS", "must be the new key and the former ones, separated by commas")
	}
	hooks, db, err := h.openLibrary(ctx, &r.storeSettings, webhooks.Config{SecretKeys: keys, Logger: c.logger(h.stderr)})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	done, err := hooks.Keys().Rotate(webhooks.WithActor(ctx, h.actor()))
	if errors.Is(err, webhooks.ErrMissingKey) {
		return named(err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(h.stdout, "%d signing secrets and the headers of %d subscriptions were encrypted with the first key\n",
		done.Rotated, done.Subscriptions)
	if done.Damaged > 0 {
		fmt.Fprintf(h.stdout, "%d are damaged and stay as they are; the log names their subscriptions\n", done.Damaged)
	}
	return nil
}

// checkKeys returns an error if a key that the database needs is missing.
func (p *process) checkKeys(ctx context.Context) error {
	err := p.hooks.Keys().Check(ctx)
	if !errors.Is(err, webhooks.ErrMissingKey) {
		return err
	}
	if p.dev != nil && p.dev.key {
		return &wrongError{fmt.Sprintf("%s is not the key that encrypts signing secrets in the database: restore that key, "+
			"or set WEBHOOKS_SECRET_KEYS",
			filepath.Join(p.dev.folder, devKeyFile))}
	}
	return named(err)
}
