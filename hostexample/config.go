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

// defaultStore is where the data is if nothing is configured.
const defaultStore = "sqlite:webhooks.db"

// storeSettings say where the data is.
type storeSettings struct {
	Store  storeAddress `help:"Where the data is: memory:, sqlite:PATH, or postgres://… (a file with that: WEBHOOKS_STORE_FILE)." default:"sqlite:webhooks.db"`
	Schema string       `help:"PostgreSQL schema of the tables, prefix of their names on SQLite." default:"webhooks"`

	PoolSize      count        `help:"Connections to PostgreSQL that are open at once; a dispatcher listens on one of them. Default: 16."`
	ListenAddress storeAddress `help:"Address of PostgreSQL to listen for work on, where --store is that of a pooler in transaction mode (a file with it: WEBHOOKS_LISTEN_ADDRESS_FILE). Default: --store."`
}

// tokenSettings say what a token must claim.
type tokenSettings struct {
	JWTIssuer   string `name:"jwt-issuer" help:"What tokens must claim as iss; nothing for any."`
	JWTAudience string `name:"jwt-audience" help:"What tokens must claim as aud; nothing for any."`
}

// settings of serve.
type settings struct {
	Dev        *bool `help:"Development mode: on loopback, with secrets of its own, and deliveries may reach loopback. Default: only where nothing is configured."`
	API        bool  `name:"api" help:"Only the REST API; another process on the same database dispatches."`
	Dispatcher bool  `help:"Only the dispatcher, and GET /healthcheck."`

	Addr listenAddress `help:"Listen address. Port 0 takes a free one." default:"127.0.0.1:8080"`
	storeSettings
	NoMigrate bool   `help:"Leave the schema of the database as it is."`
	Seed      string `help:"Folder of seed documents. In development mode, default: a sample catalog."`

	JWKS string `name:"jwks" help:"Path or https URL of a JWKS whose keys sign the tokens."`
	tokenSettings

	AllowNetworks networks  `help:"Networks (CIDRs, by commas) that deliveries may reach although they are private."`
	AllowHTTP     bool      `name:"allow-http" help:"Plain http for subscriptions marked isDevelopment. Development mode allows it, too."`
	RetrySchedule waits     `help:"Waits between attempts, by commas; in all at most --deadline. Default: 5s,5m,30m,2h,5h,10h,14h,20h,24h."`
	Deadline      wait      `help:"How long after its publication an event may still be sent." default:"96h"`
	Timeout       wait      `help:"Of one attempt, at most 30s." default:"15s"`
	Workers       count     `help:"Attempts in flight at once. Default: 1,536, or what half of GOMEMLIMIT allows at 128 KiB each."`
	StoreTimeout  wait      `help:"How long a request waits for the store before it is answered with 503." default:"10s"`
	DrainTimeout  wait      `help:"How long the end waits for attempts and requests under way." default:"30s"`
	Retention     retention `help:"How long history is kept, at least 1h, or forever; from 48h on whole days end, so up to a day more." default:"720h"`
	SecretOverlap wait      `help:"How long a replaced signing secret still signs." default:"24h"`
	MaxData       size      `help:"Bytes of an event's data, at most 67108864." default:"1048576"`

	RequestMemory memory `help:"Bytes of memory that requests and their answers take together, at least 4 times a request's largest body; more wait, up to 5s, and are then answered with 503." default:"67108864"`

	MaxConnections count `help:"Requests with a valid token at once; more wait. As many connections, and 64 more, are open to a listener; for a new one the oldest without such a request is closed." default:"4096"`

	MetricsAddr listenAddress `help:"Address of a listener for /metrics alone, without a token. Default: none; in development mode /metrics is on --addr."`
}

// config is what the settings and the secrets come to.
type config struct {
	settings
	library    webhooks.Config
	jwtSecrets [][]byte    // the first signs, all verify
	inClear    bool        // signing secrets are not encrypted at rest
	dev        *devSecrets // nil outside development mode
}

// serves and dispatches report what the process does: both, unless one is chosen.
func (s settings) serves() bool     { return s.API || !s.Dispatcher }
func (s settings) dispatches() bool { return s.Dispatcher || !s.API }

// devSecrets is where development mode keeps its secrets.
type devSecrets struct {
	folder string
	jwt    bool // tokens are signed with the secret there
	key    bool // the signing secrets are encrypted with the key there
}

// config completes the settings by the secrets, and by what development mode
// adds.
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

// develops reports whether development mode is on: --dev says it, or nothing is
// configured that production needs.
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

// develop turns on development mode: nobody but this machine gets in, and
// deliveries may reach it.
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

var fieldName = regexp.MustCompile(`^(?:webhooks|httpapi): Config\.(\w+)`)

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
