package main

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// config is the whole configuration: the settings, the secrets, and the library's part.
type config struct {
	settings
	library    webhooks.Config
	jwtSecrets [][]byte    // the first signs, all verify
	portalKeys [][]byte    // the first encrypts, all decrypt; nil without a portal
	inClear    bool        // signing secrets are not encrypted at rest
	dev        *devSecrets // nil outside development mode
}

// config adds the secrets, and the settings of development mode, to the flags.
func (h *host) config(s settings) (*config, error) {
	c := &config{settings: s, library: webhooks.Config{
		RetrySchedule: s.RetrySchedule, Timeout: time.Duration(s.Timeout), StoreTimeout: time.Duration(s.StoreTimeout), Workers: int(s.Workers),
		Retention: time.Duration(s.Retention), AuditRetention: time.Duration(s.AuditRetention),
		AllowNetworks: s.AllowNetworks, AllowHTTP: s.AllowHTTP,
		Deadline: time.Duration(s.Deadline), SecretOverlap: time.Duration(s.SecretOverlap), MaxData: int(s.MaxData),
		OperationalEvents: webhooks.OperationalEvents{Enabled: s.OperationalEvents, Operator: s.OperatorOrganization},
	}}
	var err error
	if err = errors.Join(h.readStore(&c.storeSettings), h.readProxy(&c.egressSettings), s.checkPaths(), s.checkOperator()); err != nil {
		return nil, err
	}
	if c.jwtSecrets, err = h.readJWTSecrets(); err != nil {
		return nil, err
	}
	if c.portalKeys, err = h.readPortalKeys(); err != nil {
		return nil, err
	}
	if c.library.PrivateKey, err = h.readSecret("WEBHOOKS_PRIVATE_KEY"); err != nil {
		return nil, err
	}
	keys, set, err := h.readSecretKeys()
	if err != nil {
		return nil, err
	}
	c.library.SecretKeys, c.inClear = keys, set && keys == nil
	develops, err := c.develops()
	switch {
	case err != nil:
		return nil, err
	case develops:
		return c, c.develop(set)
	case c.serves() && c.jwtSecrets == nil && c.JWKS == "":
		return nil, wrong("WEBHOOKS_JWT_SECRET", "is not set: set it, or WEBHOOKS_JWKS, so that tokens can be verified; "+
			"--dev (WEBHOOKS_DEV) turns on development mode instead")
	case !set:
		return nil, wrong("WEBHOOKS_SECRET_KEYS", "is not set: set it to keys that encrypt signing secrets at rest "+
			"(openssl rand -base64 32), or to the word off")
	}
	return c, c.checkPortal()
}

// readStore reads the addresses of the store from files, if variables name such files.
func (h *host) readStore(s *storeSettings) error {
	for name, address := range map[string]*storeAddress{"WEBHOOKS_STORE": &s.Store, "WEBHOOKS_LISTEN_ADDRESS": &s.ListenAddress} {
		if _, ok := h.lookup(name + "_FILE"); !ok {
			continue
		}
		value, err := h.readSecret(name)
		if err != nil {
			return err
		}
		if err := address.UnmarshalText([]byte(value)); err != nil {
			return wrong(name+"_FILE", "%v", err)
		}
	}
	return nil
}

var fieldName = regexp.MustCompile(`^(?:webhooks|httpapi): Config\.(\w+)`)

// named replaces the field of the library's configuration in an error by the host's
// setting for it.
func named(err error) error {
	m := fieldName.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	words := regexp.MustCompile(`[A-Z][a-z]+`).FindAllString(m[1], -1)
	setting := strings.ToLower(strings.Join(words, "-"))
	if setting == "private-key" || setting == "secret-keys" {
		setting = envName(setting)
	}
	return wrong(setting, "%s", strings.TrimLeft(err.Error()[len(m[0]):], ": "))
}

// checkOperator refuses an operator who could never be told.
func (s settings) checkOperator() error {
	if s.OperatorOrganization != uuid.Nil && !s.OperationalEvents {
		return wrong("operator-organization", "is set, but --operational-events is not")
	}
	return nil
}
