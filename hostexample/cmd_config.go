package main

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ecg-api/webhooks"
)

// configCmd deals with the settings of serve.
type configCmd struct {
	Check configCheck `cmd:"" help:"Check the settings of serve, open the store, and print the settings in effect; nothing is changed."`
}

// configCheck takes the flags of serve.
type configCheck struct {
	settings
	JSON bool `name:"json" help:"Print JSON for programs instead of tables."`
}

// settingReport is a setting in effect.
type settingReport struct {
	Setting string `json:"setting"` // the flag, or the variable of a secret
	Value   string `json:"value"`   // without credentials
}

// run makes every error one about settings: exit code 2.
func (k *configCheck) run(ctx context.Context, h *host, _ *cli) error {
	conf, findings, err := k.check(ctx, h)
	if err != nil {
		return &wrongError{err.Error()}
	}
	reports := append(conf.reports(), h.secretReports(conf)...)
	a := &access{host: h, json: k.JSON}
	if k.JSON {
		return a.print(map[string]any{"settings": reports, "findings": findings}, nil)
	}
	return a.print(nil, func(w *tabwriter.Writer) {
		for _, r := range reports {
			row(w, r.Setting, r.Value)
		}
		for _, finding := range findings {
			row(w, finding)
		}
	})
}

// check does everything that serve does before it listens, and changes nothing.
func (k *configCheck) check(ctx context.Context, h *host) (*config, []string, error) {
	k.settings.checkOnly = true
	conf, err := h.config(k.settings)
	if err != nil {
		return nil, nil, err
	}
	if conf.Store == "memory:" && (!conf.serves() || !conf.dispatches()) {
		return nil, nil, errMemoryShared()
	}
	p := &process{config: conf, host: h, log: slog.New(slog.DiscardHandler)}
	if err := conf.egressSettings.configure(&conf.library, p.log); err != nil {
		return nil, nil, err
	}
	if _, err := conf.serverTLS(p.log); err != nil {
		return nil, nil, err
	}
	findings := []string{}
	if conf.dev != nil {
		findings = append(findings, "development mode is on")
	}
	store, err := p.checkStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	if conf.serves() {
		if err := p.checkAPI(ctx); err != nil {
			return nil, nil, err
		}
	}
	if conf.Seed != "" {
		if _, err := checkSeeds(ctx, conf.Seed); err != nil {
			return nil, nil, err
		}
	}
	return conf, append(findings, store), nil
}

// checkStore opens the store, and sets hooks.
func (p *process) checkStore(ctx context.Context) (finding string, err error) {
	opened := p.storeSettings
	if path, ok := strings.CutPrefix(string(p.Store), "sqlite:"); ok && !isFile(path) {
		finding, opened.Store = "the database does not exist: serve creates it", "memory:"
		if p.NoMigrate {
			return "", wrong("no-migrate", "is set, but the database does not exist")
		}
	}
	db, err := opened.open(ctx, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	if p.hooks, err = webhooks.New(db, p.library); err != nil {
		return "", named(err)
	}
	if db.sql == nil {
		return finding, nil
	}
	pending, err := pendingMigrations(ctx, db)
	switch {
	case err != nil:
		return "", err
	case pending > 0 && !p.NoMigrate:
		return fmt.Sprintf("the schema lacks %d migrations: serve makes them", pending), nil
	}
	if err := answers(ctx, db); err != nil {
		return "", err
	}
	return "the store can be written, and has the tables and keys that serve needs", p.checkKeys(ctx)
}

func pendingMigrations(ctx context.Context, db *database) (n int, err error) {
	migrations, err := db.sql.Migrations(ctx)
	for _, m := range migrations {
		if m.AppliedAt.IsZero() {
			n++
		}
	}
	return n, err
}

// checkAPI makes the handler, and reads the JWKS.
func (p *process) checkAPI(ctx context.Context) error {
	auth, err := p.authenticator()
	if err != nil {
		return err
	}
	if p.JWKS != "" {
		if err := auth.CheckJWKS(ctx); err != nil {
			return wrong("jwks", "cannot be read: %v", err)
		}
	}
	_, err = p.handler(ctx, string(p.Addr))
	return err
}

// reports returns the flags with their values, also the values that come from files.
func (c *config) reports() (reports []settingReport) {
	of := c.settings
	parser, err := kong.New(&of)
	if err != nil {
		return nil // the same flags were parsed before
	}
	for _, flag := range parser.Model.Flags {
		if flag.Name != "help" {
			reports = append(reports, settingReport{"--" + flag.Name, withoutCredentials(valueText(flag.Target))})
		}
	}
	return reports
}

// valueText writes the value of a flag; "" if it is not set.
func valueText(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return ""
	case v.Kind() == reflect.Pointer:
		return valueText(v.Elem())
	case v.Kind() == reflect.Int64 && v.Int() == forever:
		return "forever"
	case v.IsZero() && v.Kind() != reflect.Bool:
		return ""
	case v.Kind() == reflect.Int64: // every flag of this kind is a duration
		return time.Duration(v.Int()).String()
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = valueText(v.Index(i))
		}
		return strings.Join(parts, ",")
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v.Interface())
}

// values says how many values a secret has.
func values(n int) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

// secretReports says which secrets are set, and how many values they have.
func (h *host) secretReports(conf *config) []settingReport {
	jwt, keys := "not set", "not set"
	switch {
	case conf.dev != nil && conf.dev.jwt:
		jwt = "of development mode"
	case conf.jwtSecrets != nil:
		jwt = values(len(conf.jwtSecrets))
	}
	switch {
	case conf.dev != nil && conf.dev.key:
		keys = "of development mode"
	case conf.inClear:
		keys = "off"
	case conf.library.SecretKeys != nil:
		keys = values(len(conf.library.SecretKeys))
	}
	private, portal := "not set", "not set"
	switch {
	case conf.dev != nil && conf.dev.portal:
		portal = "of development mode"
	case conf.portalKeys != nil:
		portal = values(len(conf.portalKeys))
	}
	if conf.library.PrivateKey != "" {
		private = "set"
	}
	return []settingReport{
		{"WEBHOOKS_JWT_SECRET", jwt}, {"WEBHOOKS_SECRET_KEYS", keys}, {"WEBHOOKS_PRIVATE_KEY", private}, {"WEBHOOKS_PORTAL_KEY", portal},
	}
}
