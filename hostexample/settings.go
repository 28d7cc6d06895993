package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
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
	Dispatcher bool  `help:"Only the dispatcher, and the health checks."`

	Addr listenAddress `help:"Listen address. Port 0 is any free port." default:"127.0.0.1:8080"`
	storeSettings
	NoMigrate bool   `help:"Do not migrate the schema of the database."`
	Seed      string `help:"Folder of seed documents. Default: none; in development mode a sample catalog."`

	tlsSettings
	CORSOrigins   origins `name:"cors-origins" help:"Origins of pages whose scripts may call the API, separated by commas, such as https://app.example.com; * for all. Default: none."`
	RateLimit     rate    `help:"Requests per second of each organization, and of each address without a valid token; more are answered with 429. Bursts of 2s of requests pass, at least 10. Default: no limit."`
	ShutdownDelay *pause  `help:"Time for which a stopping host serves on, while /readyz is 503. Default: 5s; in development mode 0s."`

	JWKS string `name:"jwks" help:"Path or https URL of a JWKS with the keys that sign tokens."`
	tokenSettings

	portalSettings
	egressSettings

	AllowNetworks        networks  `help:"Private networks (CIDRs, separated by commas) that deliveries may reach."`
	AllowHTTP            bool      `name:"allow-http" help:"Allow plain http for subscriptions marked isDevelopment. Development mode allows it, too."`
	RetrySchedule        waits     `help:"Waits between attempts, separated by commas; their sum is at most --deadline. Default: 5s,5m,30m,2h,5h,10h,14h,20h,24h."`
	Deadline             wait      `help:"Time after its publication within which an event may be sent." default:"96h"`
	Timeout              wait      `help:"Timeout of one attempt, at most 30s." default:"15s"`
	Workers              count     `help:"Attempts in flight at once. Default: 1,536, or as many as half of GOMEMLIMIT allows at 128 KiB each."`
	StoreTimeout         wait      `help:"Time that a request waits for the store before the answer is 503." default:"10s"`
	DrainTimeout         wait      `help:"Time that a stop waits for running attempts and requests." default:"30s"`
	Retention            retention `help:"Time for which history is kept, at least 1h, or forever; from 48h on whole days are deleted, up to a day later." default:"720h"`
	AuditRetention       retention `help:"Time for which entries of the audit trail are kept, at least 1h, or forever." default:"400d"`
	SecretOverlap        wait      `help:"Time for which a replaced signing secret still signs." default:"24h"`
	OperationalEvents    bool      `help:"Publish events about endpoints that fail and recover, deliveries that failed for good and recoveries, to the organizations that subscribe to webhooks.*."`
	OperatorOrganization uuid.UUID `help:"Organization, a UUID, that gets a copy of the operational events about all organizations."`

	MaxData size `help:"Largest data of an event in bytes, at most 67108864." default:"1048576"`

	RequestMemory memory `help:"Memory in bytes for all requests and their answers, at least 4 times the largest body; beyond it requests wait up to 5s, then get 503." default:"67108864"`

	MaxConnections count `help:"Requests with a valid token at once; more requests wait. A listener has 64 connections more, and closes the oldest one without such a request." default:"4096"`

	TrustedProxies networks `help:"Networks (CIDRs, separated by commas) of the proxies in front of the host: from them, X-Forwarded-For names the client in the log."`

	MetricsAddr listenAddress `help:"Address of a listener for /metrics alone, without a token. Default: none; in development mode /metrics is on --addr."`

	checkOnly bool // config check: nothing is created
}

// serves reports whether the process serves the REST API, and dispatches whether it
// dispatches: both, unless --api or --dispatcher chooses one.
func (s settings) serves() bool     { return s.API || !s.Dispatcher }
func (s settings) dispatches() bool { return s.Dispatcher || !s.API }

// role names the process in the sessions of PostgreSQL, if it is a part of the service.
func (s settings) role() string {
	switch {
	case !s.dispatches():
		return "api"
	case !s.serves():
		return "dispatcher"
	}
	return ""
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
