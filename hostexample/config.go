package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
)

// storeSettings say where the data is.
type storeSettings struct {
	Store  storeAddress `help:"Where the data is: memory:, sqlite:PATH, or postgres://… (a file with that: WEBHOOKS_STORE_FILE)." default:"sqlite:webhooks.db"`
	Schema string       `help:"PostgreSQL schema of the tables, prefix of their names on SQLite." default:"webhooks"`

	ListenAddress storeAddress `help:"Address of PostgreSQL to listen for work on, where --store is that of a pooler in transaction mode (a file with it: WEBHOOKS_LISTEN_ADDRESS_FILE). Default: --store."`
}

// tokenSettings say what a token must claim.
type tokenSettings struct {
	JWTIssuer   string `name:"jwt-issuer" help:"What tokens must claim as iss; nothing for any."`
	JWTAudience string `name:"jwt-audience" help:"What tokens must claim as aud; nothing for any."`
}

// settings of serve.
type settings struct {
	Addr listenAddress `help:"Listen address. Port 0 takes a free one." default:"127.0.0.1:8080"`
	storeSettings
	NoMigrate bool   `help:"Leave the schema of the database as it is."`
	Seed      string `help:"Folder of seed documents. In development mode, default: a sample catalog."`

	JWKS string `name:"jwks" help:"Path or https URL of a JWKS whose keys sign the tokens."`
	tokenSettings

	AllowNetworks networks `help:"Networks (CIDRs, by commas) that deliveries may reach although they are private."`
	RetrySchedule waits    `help:"Waits between attempts, by commas. Default: 5s,5m,30m,2h,5h,10h,14h,20h,24h."`
	Timeout       wait     `help:"Of one attempt, at most 30s." default:"15s"`
	Workers       uint16   `help:"Attempts in flight at once. Default: 2,048, or what half of GOMEMLIMIT allows at 128 KiB each."`
	StoreTimeout  wait     `help:"How long a request waits for the store before it is answered with 503." default:"10s"`
	DrainTimeout  wait     `help:"How long the end waits for attempts and requests under way." default:"30s"`
	Retention     wait     `help:"How long history is kept; from 48h on whole days end, so up to a day more." default:"720h"`

	MaxConnections count `help:"Open connections to a listener at once; more wait until one ends." default:"4096"`

	MetricsAddr listenAddress `help:"Address of a listener for /metrics alone, without a token. Default: none; in development mode /metrics is on --addr."`
}

// config is what the settings and the secrets come to.
type config struct {
	settings
	library   webhooks.Config
	jwtSecret []byte
	inClear   bool        // signing secrets are not encrypted at rest
	dev       *devSecrets // nil outside development mode
}

// devSecrets is where development mode keeps its secrets.
type devSecrets struct {
	folder string
	key    bool // the signing secrets are encrypted with the key there
}

// config completes the settings by the secrets, and by what development mode
// adds.
func (h *host) config(s settings) (*config, error) {
	c := &config{settings: s, library: webhooks.Config{
		RetrySchedule: s.RetrySchedule, Timeout: time.Duration(s.Timeout), StoreTimeout: time.Duration(s.StoreTimeout), Workers: int(s.Workers),
		Retention: time.Duration(s.Retention), AllowNetworks: s.AllowNetworks,
	}}
	var err error
	if err = errors.Join(h.readStore(&c.storeSettings), s.checkPaths()); err != nil {
		return nil, err
	}
	if c.jwtSecret, err = h.readJWTSecret(); err != nil {
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
	switch {
	case c.jwtSecret != nil && c.JWKS != "":
		return nil, wrong("jwks", "and WEBHOOKS_JWT_SECRET are both set; set one")
	case c.jwtSecret == nil && c.JWKS == "":
		return c, c.develop(set)
	case !set:
		return nil, wrong("WEBHOOKS_SECRET_KEYS", "is not set: keys that encrypt signing secrets at rest (openssl rand -base64 32), or the word off")
	}
	return c, nil
}

// develop turns on development mode: nobody but this machine gets in, and
// deliveries may reach it.
func (c *config) develop(haveKeys bool) error {
	if !c.Addr.loopback() {
		return wrong("addr", "is %s: without WEBHOOKS_JWT_SECRET or WEBHOOKS_JWKS only a loopback address may be used, such as 127.0.0.1:8080; set one of the two", c.Addr)
	}
	if c.MetricsAddr != "" && !c.MetricsAddr.loopback() {
		return wrong("metrics-addr", "is %s: without WEBHOOKS_JWT_SECRET or WEBHOOKS_JWKS only a loopback address may be used", c.MetricsAddr)
	}
	c.dev = &devSecrets{folder: c.folder()}
	if !isFolder(c.dev.folder) {
		return wrong("store", "lies in %s, which is not a folder", c.dev.folder)
	}
	c.library.AllowHTTP = true
	c.library.AllowNetworks = append(c.library.AllowNetworks,
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	secret, err := devSecret(c.dev.folder, devSecretFile)
	if err != nil {
		return err
	}
	c.jwtSecret = []byte(secret)
	if haveKeys {
		return nil
	}
	key, err := devSecret(c.dev.folder, devKeyFile)
	if err != nil {
		return err
	}
	c.library.SecretKeys, c.dev.key = [][]byte{decodeKey(key)}, true
	return nil
}

// readStore takes the addresses of the store from files, where these are named.
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

// folder is where the database lies: the current one unless it is a file.
func (s storeSettings) folder() string {
	if path, ok := strings.CutPrefix(string(s.Store), "sqlite:"); ok {
		return filepath.Dir(path)
	}
	return "."
}

// checkPaths checks that what the settings name in the file system is there.
func (s settings) checkPaths() error {
	if s.Seed != "" && !isFolder(s.Seed) {
		return wrong("seed", "is %q, which is not a folder", s.Seed)
	}
	if s.JWKS == "" || strings.HasPrefix(s.JWKS, "https://") {
		return nil
	}
	if strings.Contains(s.JWKS, "://") { // not quoted: its query may be a secret
		return wrong("jwks", "must be an https URL or the path of a file")
	}
	if info, err := os.Stat(s.JWKS); err != nil || info.IsDir() {
		return wrong("jwks", "is %q, must be an https URL or the path of a file", s.JWKS)
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

var fieldName = regexp.MustCompile(`^webhooks: Config\.(\w+)`)

// named replaces the field of the library's configuration in an error by the
// setting that it came from.
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
