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

// defaultStore is the address of the store if none is configured.
const defaultStore = "sqlite:webhooks.db"

// storeSettings are the settings of the store.
type storeSettings struct {
	Store  storeAddress `help:"Address of the store: memory:, sqlite:PATH, or postgres://… (WEBHOOKS_STORE_FILE names a file with it)." default:"sqlite:webhooks.db"`
	Schema string       `help:"PostgreSQL schema of the tables, prefix of their names on SQLite." default:"webhooks"`

	PoolSize      count        `help:"Connections to PostgreSQL that are open at once; a dispatcher listens on one of them. Default: 16."`
	ListenAddress storeAddress `help:"Address of PostgreSQL to listen on, if --store is a pooler in transaction mode (WEBHOOKS_LISTEN_ADDRESS_FILE names a file with it). Default: --store."`
}

// tokenSettings are the required claims of a token.
type tokenSettings struct {
	JWTIssuer   string `name:"jwt-issuer" help:"Required iss of tokens. Default: any."`
	JWTAudience string `name:"jwt-audience" help:"Required aud of tokens. Default: any."`
}

// settings are the flags of serve.
type settings struct {
	Dev        *bool `help:"Development mode: loopback only, generated secrets, and deliveries may reach loopback. Default: only where nothing is configured."`
	API        bool  `name:"api" help:"Only the REST API; another process on the same database dispatches."`
	Dispatcher bool  `help:"Only the dispatcher, and GET /healthcheck."`

	Addr listenAddress `help:"Listen address. Port 0 is any free port." default:"127.0.0.1:8080"`
	storeSettings
	NoMigrate bool   `help:"Do not migrate the schema of the database."`
	Seed      string `help:"Folder of seed documents. Default: none; in development mode a sample catalog."`

	JWKS string `name:"jwks" help:"Path or https URL of a JWKS with the keys that sign tokens."`
	tokenSettings

	AllowNetworks networks  `help:"Private networks (CIDRs, separated by commas) that deliveries may reach."`
	AllowHTTP     bool      `name:"allow-http" help:"Allow plain http for subscriptions marked isDevelopment. Development mode allows it, too."`
	RetrySchedule waits     `help:"Waits between attempts, separated by commas; their sum is at most --deadline. Default: 5s,5m,30m,2h,5h,10h,14h,20h,24h."`
	Deadline      wait      `help:"Time after its publication within which an event may be sent." default:"96h"`
	Timeout       wait      `help:"Timeout of one attempt, at most 30s." default:"15s"`
	Workers       count     `help:"Attempts in flight at once. Default: 1,536, or as many as half of GOMEMLIMIT allows at 128 KiB each."`
	StoreTimeout  wait      `help:"Time that a request waits for the store before the answer is 503." default:"10s"`
	DrainTimeout  wait      `help:"Time that a stop waits for running attempts and requests." default:"30s"`
	Retention     retention `help:"Time for which history is kept, at least 1h, or forever; from 48h on whole days are deleted, up to a day later." default:"720h"`
	SecretOverlap wait      `help:"Time for which a replaced signing secret still signs." default:"24h"`
	MaxData       size      `help:"Largest data of an event in bytes, at most 67108864." default:"1048576"`

	RequestMemory memory `help:"Memory in bytes for all requests and their answers, at least 4 times the largest body; beyond it requests wait up to 5s, then get 503." default:"67108864"`

	MaxConnections count `help:"Requests with a valid token at once; more requests wait. A listener has 64 connections more, and closes the oldest one without such a request." default:"4096"`

	MetricsAddr listenAddress `help:"Address of a listener for /metrics alone, without a token. Default: none; in development mode /metrics is on --addr."`
}

// config is the whole configuration: the settings, the secrets, and the library's part.
type config struct {
	settings
	library    webhooks.Config
	jwtSecrets [][]byte    // the first signs, all verify
	inClear    bool        // signing secrets are not encrypted at rest
	dev        *devSecrets // nil outside development mode
}

// serves reports whether the process serves the REST API, and dispatches whether it
// dispatches: both, unless --api or --dispatcher chooses one.
func (s settings) serves() bool     { return s.API || !s.Dispatcher }
func (s settings) dispatches() bool { return s.Dispatcher || !s.API }

// devSecrets describes the secrets that development mode keeps in files.
type devSecrets struct {
	folder string
	jwt    bool // the secret that signs tokens is in a file of the folder
	key    bool // the key that encrypts signing secrets is in a file of the folder
}

// config adds the secrets, and the settings of development mode, to the flags.
func (h *host) config(s settings) (*config, error) {
	c := &config{settings: s, library: webhooks.Config{
		RetrySchedule: s.RetrySchedule, Timeout: time.Duration(s.Timeout), StoreTimeout: time.Duration(s.StoreTimeout), Workers: int(s.Workers),
		Retention: time.Duration(s.Retention), AllowNetworks: s.AllowNetworks, AllowHTTP: s.AllowHTTP,
		Deadline: time.Duration(s.Deadline), SecretOverlap: time.Duration(s.SecretOverlap), MaxData: int(s.MaxData),
	}}
	var err error
	if err = errors.Join(h.readStore(&c.storeSettings), s.checkPaths()); err != nil {
		return nil, err
	}
	if c.jwtSecrets, err = h.readJWTSecrets(); err != nil {
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
		return nil, wrong("WEBHOOKS_JWT_SECRET", "is not set: set it, or WEBHOOKS_JWKS, so that tokens can be verified; --dev (WEBHOOKS_DEV) turns on development mode instead")
	case !set:
		return nil, wrong("WEBHOOKS_SECRET_KEYS", "is not set: keys that encrypt signing secrets at rest (openssl rand -base64 32), or the word off")
	}
	return c, nil
}

// develops reports whether development mode is on: by --dev, or because no setting of
// production is configured.
func (c *config) develops() (bool, error) {
	said := c.Dev != nil && *c.Dev
	switch {
	case c.jwtSecrets != nil && c.JWKS != "":
		return false, wrong("jwks", "and WEBHOOKS_JWT_SECRET are both set; set one")
	case said && !c.serves():
		return false, wrong("dev", "is not for a dispatcher alone: set WEBHOOKS_SECRET_KEYS, and WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8 if it is to reach this machine")
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
	c.library.AllowNetworks = append(c.library.AllowNetworks,
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	if c.jwtSecrets == nil {
		secret, err := devSecret(c.dev.folder, devSecretFile)
		if err != nil {
			return err
		}
		c.jwtSecrets, c.dev.jwt = [][]byte{[]byte(secret)}, true
	}
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

// checkLoopback refuses an address that other machines can reach.
func (c *config) checkLoopback(setting string, address listenAddress) error {
	if address == "" || address.loopback() {
		return nil
	}
	return wrong(setting, "is %s: in development mode it must be a loopback address such as 127.0.0.1:8080; to leave that mode %s", address, c.wayOut())
}

// wayOut says how to leave development mode.
func (c *config) wayOut() string {
	way := "set WEBHOOKS_JWT_SECRET or WEBHOOKS_JWKS, and WEBHOOKS_SECRET_KEYS"
	if c.Dev != nil {
		way += ", and leave out --dev (WEBHOOKS_DEV)"
	}
	return way
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

// folder returns the folder of the SQLite database, and the current folder for other stores.
func (s storeSettings) folder() string {
	if path, ok := strings.CutPrefix(string(s.Store), "sqlite:"); ok {
		return filepath.Dir(path)
	}
	return "."
}

// checkPaths checks that the files and folders of the settings exist.
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
