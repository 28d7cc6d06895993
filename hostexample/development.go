package main

import "errors"

// devSecrets describes the secrets that development mode keeps in files.
type devSecrets struct {
	folder string
	jwt    bool // the secret that signs tokens is in a file of the folder
	key    bool // the key that encrypts signing secrets is in a file of the folder
	portal bool // the key of the portal is in a file of the folder
}

// develops reports whether development mode is on: by --dev, or because no setting of
// production is configured.
func (c *config) develops() (bool, error) {
	said := c.Dev != nil && *c.Dev
	switch {
	case c.jwtSecrets != nil && c.JWKS != "":
		return false, wrong("jwks", "and WEBHOOKS_JWT_SECRET are both set; set one")
	case said && !c.serves():
		return false, wrong("dev", "is not for a dispatcher alone: set WEBHOOKS_SECRET_KEYS, "+
			"and WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8 if deliveries may reach this machine")
	case said && c.JWKS != "":
		return false, wrong("dev", "and WEBHOOKS_JWKS are both set: development mode signs tokens itself; set one")
	case c.Dev != nil:
		return said, nil
	}
	return c.Store == defaultStore && c.serves() && c.dispatches() && c.jwtSecrets == nil && c.JWKS == "", nil
}

// develop turns on development mode: only this machine can connect, and deliveries may
// reach this machine.
func (c *config) develop(haveKeys bool) error {
	if err := errors.Join(c.checkLoopback("addr", c.Addr), c.checkLoopback("metrics-addr", c.MetricsAddr)); err != nil {
		return err
	}
	c.dev = &devSecrets{folder: c.folder()}
	if !isFolder(c.dev.folder) {
		return wrong("store", "lies in %s, which is not a folder", c.dev.folder)
	}
	c.library.AllowHTTP = true
	c.library.AllowNetworks = append(c.library.AllowNetworks, loopbackNetworks...)
	secretOf := devSecret
	if c.checkOnly {
		secretOf = peekDevSecret
	}
	if c.jwtSecrets == nil {
		secret, err := secretOf(c.dev.folder, devSecretFile)
		if err != nil {
			return err
		}
		c.jwtSecrets, c.dev.jwt = [][]byte{[]byte(secret)}, true
	}
	if c.portalKeys == nil {
		key, err := secretOf(c.dev.folder, devPortalFile)
		if err != nil {
			return err
		}
		c.portalKeys, c.dev.portal = [][]byte{decodeKey(key)}, true
	}
	if err := c.checkPortal(); err != nil || haveKeys {
		return err
	}
	key, err := secretOf(c.dev.folder, devKeyFile)
	if err != nil {
		return err
	}
	c.library.SecretKeys, c.dev.key = [][]byte{decodeKey(key)}, true
	return nil
}

// checkLoopback refuses an address that other machines can reach.
func (c *config) checkLoopback(setting string, address listenAddress) error {
	if address == "" || address.loopback() {
		return nil
	}
	return wrong(setting, "is %s: in development mode it must be a loopback address such as 127.0.0.1:8080; to leave that mode %s", address,
		c.wayOut())
}

// wayOut says how to leave development mode.
func (c *config) wayOut() string {
	way := "set WEBHOOKS_JWT_SECRET or WEBHOOKS_JWKS, and WEBHOOKS_SECRET_KEYS"
	if c.Dev != nil {
		way += ", and leave out --dev (WEBHOOKS_DEV)"
	}
	return way
}
