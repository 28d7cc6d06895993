package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
)

// accessSettings say where a command for daily work finds the webhooks: at a running host over REST,
// or on its store.
type accessSettings struct {
	storeSettings
	URL       string `name:"url" help:"Address of a running host, which the command asks over REST with the token of WEBHOOKS_TOKEN. Default: none; the command works on --store."`
	TokenFile string `help:"File with the token for --url. Default: WEBHOOKS_TOKEN is the token."`
	JSON      bool   `name:"json" help:"Print JSON for programs instead of tables."`
}

// orgSettings are the settings of a command about one organization.
type orgSettings struct {
	accessSettings
	Org organization `help:"Organization: its UUID." required:""`
}

// organization is the name of one organization.
type organization string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *organization) UnmarshalText(text []byte) error {
	if *o = organization(text); *o == "*" {
		return errors.New("is *, must be one organization")
	}
	return nil
}

// recordID is the UUID of a record.
type recordID struct{ uuid.UUID }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *recordID) UnmarshalText(text []byte) error {
	if err := r.UUID.UnmarshalText(text); err != nil {
		return fmt.Errorf("is %q, must be a UUID", text)
	}
	return nil
}

// access calls the REST interface, of a running host or in this process.
type access struct {
	*client.Client
	*host
	json  bool
	where string // the address without credentials
	log   *slog.Logger

	db    *database          // nil over REST
	hooks *webhooks.Webhooks // nil over REST
}

// accessOption changes the configuration of the interface in this process.
type accessOption func(*webhooks.Webhooks, *httpapi.Config) error

// connect returns the access that the settings choose. The caller closes it.
func (h *host) connect(ctx context.Context, s *accessSettings, c *cli, options ...accessOption) (*access, error) {
	if s.URL != "" {
		return h.connectREST(s, c)
	}
	if err := h.readStore(&s.storeSettings); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(string(s.Store), "sqlite:"); ok && !isFile(path) {
		return nil, wrong("store", "is %s, which does not exist: name the database of the host, or set --url (WEBHOOKS_URL)", s.Store)
	}
	conf, err := h.storeConfig(s.storeSettings)
	if err != nil {
		return nil, err
	}
	conf.library.Logger = c.logger(h.stderr)
	hooks, db, err := h.openLibrary(ctx, &s.storeSettings, conf.library)
	if err != nil {
		return nil, err
	}
	handler, err := h.ownInterface(hooks, conf, options)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	a := &access{host: h, json: s.JSON, where: withoutCredentials(string(s.Store)), log: conf.library.Logger, db: db, hooks: hooks}
	a.Client, err = client.New(client.Config{
		BaseURL: "http://store", HTTPClient: &http.Client{Transport: inProcess{handler}}, Retry: client.Retry{MaxAttempts: 1},
	})
	return a, err
}

// ownInterface returns the REST interface in this process.
func (h *host) ownInterface(hooks *webhooks.Webhooks, conf *config, options []accessOption) (http.Handler, error) {
	c := httpapi.Config{
		Authenticator: operator{h.actor()}, Logger: conf.library.Logger, Timeout: time.Duration(conf.StoreTimeout),
		MaxBody: (&process{config: conf}).maxBody(), RequestMemory: int64(conf.RequestMemory),
	}
	for _, option := range options {
		if err := option(hooks, &c); err != nil {
			return nil, err
		}
	}
	handler, err := httpapi.New(hooks, c)
	if err != nil {
		return nil, named(err)
	}
	return handler, nil
}

func (h *host) connectREST(s *accessSettings, c *cli) (*access, error) {
	reader := *h
	if s.TokenFile != "" {
		reader.environ = append(slices.Clone(h.environ), "WEBHOOKS_TOKEN_FILE="+s.TokenFile)
	}
	token, err := reader.readSecret("WEBHOOKS_TOKEN")
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, wrong("WEBHOOKS_TOKEN", "is not set: set it, or --token-file (WEBHOOKS_TOKEN_FILE), to a token for the host of --url")
	}
	a := &access{host: h, json: s.JSON, where: s.URL, log: c.logger(h.stderr)}
	a.Client, err = client.New(client.Config{BaseURL: s.URL, Token: client.StaticToken(token)})
	if err != nil {
		return nil, wrong("url", "is wrong: it must be an absolute http or https URL without user, query and fragment")
	}
	return a, nil
}

// close closes the store.
func (a *access) close() {
	if a.db != nil {
		_ = a.db.Close()
	}
}

// storeConfig is the configuration of a command on the store: that of a dispatcher alone, by the
// variables of serve. The database of a host in development mode has its key beside it.
func (h *host) storeConfig(s storeSettings) (*config, error) {
	c, _, err := h.parse([]string{"serve"})
	if err != nil {
		return nil, err
	}
	settings := c.Serve.settings
	developed := settings.Dev != nil && *settings.Dev
	settings.storeSettings, settings.API, settings.Dispatcher, settings.Dev = s, false, true, nil
	reader := *h
	key := filepath.Join(s.folder(), devKeyFile)
	_, set, err := h.readSecretKeys()
	if err == nil && !set && isFile(key) {
		developed = true
		reader.environ = append(slices.Clone(h.environ), "WEBHOOKS_SECRET_KEYS_FILE="+key)
	}
	conf, err := reader.config(settings)
	if err == nil && developed {
		conf.library.AllowHTTP = true
		conf.library.AllowNetworks = append(conf.library.AllowNetworks, loopbackNetworks...)
	}
	return conf, err
}

var loopbackNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// actor names the user of the command in the records that it changes.
func (h *host) actor() string {
	if user, ok := h.lookup("USER"); ok {
		return "cli/" + user
	}
	return "cli"
}

// operator is the Authenticator of the interface in this process: whoever opens the store may do
// everything.
type operator struct{ subject string }

func (o operator) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller{Subject: o.subject, AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
}

// inProcess calls a handler without a network.
type inProcess struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer func() { _ = in.Body.Close() }()
	w := &recordedAnswer{header: http.Header{}}
	p.handler.ServeHTTP(w, in)
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// recordedAnswer is an [http.ResponseWriter] in memory.
type recordedAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recordedAnswer) Header() http.Header { return a.header }

func (a *recordedAnswer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

func (a *recordedAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// plain replaces an error of package client by a line for the user of a command.
func plain(err error) error {
	if p, ok := errors.AsType[*client.ParameterError](err); ok && p.Parameter == "organization" {
		return wrong("org", "is %q, must be the name of an organization", p.Value)
	}
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	text := strings.TrimSuffix(cmp.Or(e.Detail, e.Title), ".")
	for _, f := range e.Fields {
		text += fmt.Sprintf("; %s%s: %s", f.Pointer, f.Parameter, f.Detail)
	}
	text += fmt.Sprintf(" (HTTP %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.RequestID != "" {
		text += ", request " + e.RequestID
	}
	return errors.New(printable(text) + ")")
}
