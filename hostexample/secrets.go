package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// secretNames are the variables that hold secrets, or with _FILE the paths of files with
// secrets. There are no flags for them: every user of the machine can read a command line.
var secretNames = []string{
	"WEBHOOKS_JWT_SECRET", "WEBHOOKS_JWT_SECRET_FILE",
	"WEBHOOKS_SECRET_KEYS", "WEBHOOKS_SECRET_KEYS_FILE",
	"WEBHOOKS_PRIVATE_KEY", "WEBHOOKS_PRIVATE_KEY_FILE",
	"WEBHOOKS_PORTAL_KEY", "WEBHOOKS_PORTAL_KEY_FILE",
	"WEBHOOKS_TOKEN", "WEBHOOKS_TOKEN_FILE",
	"WEBHOOKS_LISTEN_SECRET", "WEBHOOKS_LISTEN_SECRET_FILE",
	"WEBHOOKS_STORE_FILE", "WEBHOOKS_LISTEN_ADDRESS_FILE", "WEBHOOKS_EGRESS_PROXY_FILE",
}

// readSecret returns a secret of the environment, or "" if it is not set.
func (h *host) readSecret(name string) (string, error) {
	value, here := h.lookup(name)
	path, there := h.lookup(name + "_FILE")
	switch {
	case here && there:
		return "", wrong(name, "and %s_FILE are both set; set one", name)
	case !there:
		return value, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return "", wrong(name+"_FILE", "cannot be read: %v", err)
	}
	value = strings.TrimSpace(string(text))
	if value == "" {
		return "", wrong(name+"_FILE", "names an empty file: %s", path)
	}
	return value, nil
}

// readJWTSecrets returns the HS256 secrets, or nil if there are none. The first signs.
func (h *host) readJWTSecrets() ([][]byte, error) { return h.readSecrets("WEBHOOKS_JWT_SECRET") }

// readSecrets returns secrets of at least 32 bytes each, or nil if there are none.
func (h *host) readSecrets(name string) ([][]byte, error) {
	value, err := h.readSecret(name)
	if err != nil || value == "" {
		return nil, err
	}
	var secrets [][]byte
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if len(part) < 32 {
			return nil, wrong(name, "separates its secrets by commas: number %[2]d has %[1]d bytes, each must have at least 32", len(part),
				len(secrets)+1)
		}
		secrets = append(secrets, []byte(part))
	}
	return secrets, nil
}

// readSecretKeys returns the keys that encrypt signing secrets at rest. They are nil
// if the setting is "off" or, with set false, if there is no such setting.
func (h *host) readSecretKeys() (keys [][]byte, set bool, err error) {
	const name = "WEBHOOKS_SECRET_KEYS"
	value, err := h.readSecret(name)
	if err != nil || value == "" || value == "off" {
		return nil, value != "", err
	}
	for i, part := range strings.Split(value, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if err != nil || len(key) != 32 {
			return nil, true, wrong(name, "has a wrong key, number %d: must be base64 of 32 bytes (openssl rand -base64 32)", i+1)
		}
		keys = append(keys, key)
	}
	return keys, true, nil
}

// The files that development mode keeps beside the database.
const (
	devSecretFile = "webhooks.dev.secret" //nolint:gosec // the name of a file, not a secret
	devKeyFile    = "webhooks.dev.key"    // encrypts signing secrets at rest
	devPortalFile = "webhooks.dev.portal" // encrypts links to the portal, and its sessions
)

// peekDevSecret returns the development secret in the folder. If there is none, it returns one that is not
// kept: it is for a check that changes nothing.
func peekDevSecret(folder, name string) (string, error) {
	secret, err := readDevSecret(folder, name)
	if errors.Is(err, fs.ErrNotExist) {
		return base64.StdEncoding.EncodeToString(make([]byte, 32)), nil
	}
	return secret, err
}

// devSecret returns the development secret in the folder: 32 random bytes, base64,
// in a file of mode 0600. It makes one if there is none.
func devSecret(folder, name string) (string, error) {
	path := filepath.Join(folder, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readDevSecret(folder, name)
	}
	if err != nil {
		return "", fmt.Errorf("development secret: %w", err)
	}
	random := make([]byte, 32)
	rand.Read(random)
	secret := base64.StdEncoding.EncodeToString(random)
	_, err = file.WriteString(secret + "\n")
	return secret, errors.Join(err, file.Close())
}

func readDevSecret(folder, name string) (string, error) {
	path := filepath.Join(folder, name)
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", &wrongError{fmt.Sprintf("%s can be read by others (mode %04o): chmod 600 %[1]s", path, info.Mode().Perm())}
	}
	text, err := os.ReadFile(path)
	for range 50 { // empty: another host is writing it
		if err != nil || len(text) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if key, err := base64.StdEncoding.DecodeString(secret); err != nil || len(key) != 32 {
		return "", &wrongError{path + " is damaged: remove it, the next start makes a new one"}
	}
	return secret, nil
}

// decodeKey returns the bytes of a development secret.
func decodeKey(secret string) []byte {
	key, _ := base64.StdEncoding.DecodeString(secret) // this program encoded or checked it
	return key
}
