package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	testSecret = "WEBHOOKS_JWT_SECRET=0123456789abcdef0123456789abcdef"
	testKeys   = "WEBHOOKS_SECRET_KEYS=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

func TestWrongSettingsStopTheStartWithOneLine(t *testing.T) {
	t.Chdir(t.TempDir()) // for the files of development mode
	for _, c := range []struct {
		name    string
		environ []string
		args    string
		names   string // the setting that the line must name
	}{
		{"UnknownFlag", nil, "--wat", "--wat"},
		{"UnknownCommand", nil, "dance", "dance"},
		{"UnknownVariable", []string{"WEBHOOKS_ADRR=127.0.0.1:0"}, "", "WEBHOOKS_ADRR"},
		{"Address", nil, "--addr=8080", "--addr (WEBHOOKS_ADDR)"},
		{"Port", nil, "--addr=127.0.0.1:65536", "--addr (WEBHOOKS_ADDR)"},
		{"AddressVariable", []string{"WEBHOOKS_ADDR=nowhere"}, "", "WEBHOOKS_ADDR"},
		{"Timeout", nil, "--timeout=soon", "--timeout (WEBHOOKS_TIMEOUT)"},
		{"TimeoutZero", nil, "--timeout=0s", "--timeout (WEBHOOKS_TIMEOUT)"},
		{"TimeoutTooLong", nil, "--timeout=31s", "--timeout (WEBHOOKS_TIMEOUT)"},
		{"Workers", nil, "--workers=many", "--workers (WEBHOOKS_WORKERS)"},
		{"WorkersNone", nil, "--workers=0", "--workers (WEBHOOKS_WORKERS)"},
		{"WorkersNegative", nil, "--workers=-1", "--workers (WEBHOOKS_WORKERS)"},
		{"Retention", nil, "--retention=never", "--retention (WEBHOOKS_RETENTION)"},
		{"RetentionOfDaysAndMore", nil, "--retention=30days", "--retention (WEBHOOKS_RETENTION)"},
		{"RetentionBeyondTime", nil, "--retention=999999d", "--retention (WEBHOOKS_RETENTION)"},
		{"RetentionBackwards", nil, "--retention=30d-1h", "--retention (WEBHOOKS_RETENTION)"},
		{"RetentionShort", nil, "--retention=59m59s", "--retention (WEBHOOKS_RETENTION)"},
		{"TimeoutForever", nil, "--timeout=forever", "--timeout (WEBHOOKS_TIMEOUT)"},
		{"RetryScheduleBeyondTheDeadline", nil, "--retry-schedule=3d,24h,1s", "--retry-schedule (WEBHOOKS_RETRY_SCHEDULE)"},
		{"DeadlineBeforeTheScheduleEnds", []string{"WEBHOOKS_DEADLINE=2d"}, "", "--retry-schedule (WEBHOOKS_RETRY_SCHEDULE)"},
		{"Deadline", nil, "--deadline=0s", "--deadline (WEBHOOKS_DEADLINE)"},
		{"SecretOverlap", nil, "--secret-overlap=-1h", "--secret-overlap (WEBHOOKS_SECRET_OVERLAP)"},
		{"MaxData", nil, "--max-data=1MiB", "--max-data (WEBHOOKS_MAX_DATA)"},
		{"RequestMemory", nil, "--request-memory=64MiB", "--request-memory (WEBHOOKS_REQUEST_MEMORY)"},
		{"MaxDataTooMuch", nil, "--max-data=67108865", "--max-data (WEBHOOKS_MAX_DATA)"},
		{"PoolSize", []string{"WEBHOOKS_POOL_SIZE=0"}, "", "--pool-size (WEBHOOKS_POOL_SIZE)"},
		{"PoolSizeWithoutPostgreSQL", []string{"WEBHOOKS_POOL_SIZE=8"}, "", "--pool-size (WEBHOOKS_POOL_SIZE)"},
		{"AllowHTTP", []string{"WEBHOOKS_ALLOW_HTTP=perhaps"}, "", "--allow-http (WEBHOOKS_ALLOW_HTTP)"},
		{"RetrySchedule", nil, "--retry-schedule=1s,later", "--retry-schedule (WEBHOOKS_RETRY_SCHEDULE)"},
		{"Networks", nil, "--allow-networks=10.0.0.0", "--allow-networks (WEBHOOKS_ALLOW_NETWORKS)"},
		{"NetworkHostBits", nil, "--allow-networks=10.0.0.1/8", "--allow-networks (WEBHOOKS_ALLOW_NETWORKS)"},
		{"LogLevel", nil, "--log-level=loud", "--log-level (WEBHOOKS_LOG_LEVEL)"},
		{"LogFormat", nil, "--log-format=xml", "--log-format (WEBHOOKS_LOG_FORMAT)"},
		{"Store", nil, "--store=mysql://x", "--store (WEBHOOKS_STORE)"},
		{"StoreWithoutPath", nil, "--store=sqlite:", "--store (WEBHOOKS_STORE)"},
		{"StoreFolder", nil, "--dev --store=sqlite:absent/webhooks.db", "--store (WEBHOOKS_STORE)"},
		{"Connections", nil, "--max-connections=0", "--max-connections (WEBHOOKS_MAX_CONNECTIONS)"},
		{"StoreURL", nil, "--dev --store=postgres://user:50%off@host/db", "--store (WEBHOOKS_STORE)"},
		{"Schema", nil, "--dev --schema=No", "--schema (WEBHOOKS_SCHEMA)"},
		{"ListenAddressUnknown", nil, "--listen-address=redis://x", "--listen-address"},
		{
			"ListenAddressWithoutPostgreSQL", nil, "--dev --store=memory: --listen-address=postgres://here",
			"--listen-address (WEBHOOKS_LISTEN_ADDRESS)",
		},
		{"Seed", nil, "--seed=absent", "--seed (WEBHOOKS_SEED)"},
		{"TLSCertWithoutKey", nil, "--dev --tls-cert=absent", "--tls-key (WEBHOOKS_TLS_KEY)"},
		{"TLSKeyWithoutCert", nil, "--dev --tls-key=absent", "--tls-cert (WEBHOOKS_TLS_CERT)"},
		{"TLSCertAbsent", nil, "--dev --tls-cert=absent --tls-key=absent", "--tls-cert (WEBHOOKS_TLS_CERT)"},
		{"TLSCertIsNone", nil, "--dev --tls-cert=/dev/null --tls-key=/dev/null", "--tls-cert (WEBHOOKS_TLS_CERT)"},
		{"CORSOrigins", nil, "--cors-origins=https://app.example.com/", "--cors-origins (WEBHOOKS_CORS_ORIGINS)"},
		{"RateLimit", nil, "--rate-limit=0", "--rate-limit (WEBHOOKS_RATE_LIMIT)"},
		{"RateLimitOfNoNumber", []string{"WEBHOOKS_RATE_LIMIT=NaN"}, "", "--rate-limit (WEBHOOKS_RATE_LIMIT)"},
		{"ShutdownDelay", nil, "--shutdown-delay=-1s", "--shutdown-delay (WEBHOOKS_SHUTDOWN_DELAY)"},
		{"RootCAs", nil, "--dev --root-cas=absent", "--root-cas (WEBHOOKS_ROOT_CAS)"},
		{"RootCAsAreNone", nil, "--dev --root-cas=/dev/null", "--root-cas (WEBHOOKS_ROOT_CAS)"},
		{"ClientCertWithoutKey", nil, "--dev --client-cert=absent", "--client-key (WEBHOOKS_CLIENT_KEY)"},
		{"ClientCertAbsent", nil, "--dev --client-cert=absent --client-key=absent", "--client-cert (WEBHOOKS_CLIENT_CERT)"},
		{"EgressProxy", []string{"WEBHOOKS_EGRESS_PROXY=http://user:50%off@host"}, "", "--egress-proxy (WEBHOOKS_EGRESS_PROXY)"},
		{"EgressProxyOverTLS", nil, "--egress-proxy=https://host", "--egress-proxy (WEBHOOKS_EGRESS_PROXY)"},
		{"EgressProxyFileAbsent", []string{"WEBHOOKS_EGRESS_PROXY_FILE=absent"}, "", "WEBHOOKS_EGRESS_PROXY_FILE"},
		{"EgressProxyTwice", []string{"WEBHOOKS_EGRESS_PROXY=http://host", "WEBHOOKS_EGRESS_PROXY_FILE=x"}, "", "WEBHOOKS_EGRESS_PROXY"},
		{"EgressProxyTrustedWithoutOne", nil, "--dev --egress-proxy-trusted", "--egress-proxy-trusted (WEBHOOKS_EGRESS_PROXY_TRUSTED)"},
		{
			"OperatorWithoutEvents", nil, "--operator-organization=018f3f6e-1c7a-7b2e-9f0a-3d5c8a7e1b20",
			"--operator-organization (WEBHOOKS_OPERATOR_ORGANIZATION)",
		},
		{
			"OperatorIsNoUUID", nil, "--operational-events --operator-organization=acme",
			"--operator-organization (WEBHOOKS_OPERATOR_ORGANIZATION)",
		},
		{"MemoryAPI", []string{testSecret, testKeys}, "--api --store=memory:", "--store (WEBHOOKS_STORE)"},
		{"MemoryDispatcher", []string{testKeys}, "--dispatcher --store=memory:", "--store (WEBHOOKS_STORE)"},
		{"MigrateDownUnconfirmed", nil, "migrate down", "--yes (WEBHOOKS_YES)"},
		{"MigrateDownByNothing", nil, "migrate down --yes --steps=0", "--steps (WEBHOOKS_STEPS)"},
		{"MigrateSQLDialect", nil, "migrate sql --dialect=mysql", "--dialect (WEBHOOKS_DIALECT)"},
		{"MigrateSQLSchema", nil, "migrate sql --schema=No;--", "--schema (WEBHOOKS_SCHEMA)"},
		{"MigrateSQLFrom", nil, "migrate sql --from=-1", "--from (WEBHOOKS_FROM)"},
		{"MigrateSQLFromUnknown", []string{"WEBHOOKS_FROM=200"}, "migrate sql", "--from (WEBHOOKS_FROM)"},
		{"MigrateSQLTo", nil, "migrate sql --to=200", "--to (WEBHOOKS_TO)"},
		{"MigrateSQLToText", nil, "migrate sql --to=x", "--to (WEBHOOKS_TO)"},
		{"MemoryMigrate", nil, "migrate up --store=memory:", "--store (WEBHOOKS_STORE)"},
		{"SecretShort", []string{"WEBHOOKS_JWT_SECRET=short"}, "", "WEBHOOKS_JWT_SECRET"},
		{"SecretShortAmongOthers", []string{testSecret + ",short"}, "", "WEBHOOKS_JWT_SECRET"},
		{"SecretTwice", []string{testSecret, "WEBHOOKS_JWT_SECRET_FILE=x"}, "", "WEBHOOKS_JWT_SECRET"},
		{"SecretFileAbsent", []string{"WEBHOOKS_JWT_SECRET_FILE=absent"}, "", "WEBHOOKS_JWT_SECRET_FILE"},
		{"SecretAndJWKS", []string{testSecret, testKeys}, "--jwks=https://example.com/jwks", "--jwks (WEBHOOKS_JWKS)"},
		{"JWKSAbsent", []string{testKeys}, "--jwks=absent.json --store=memory:", "--jwks (WEBHOOKS_JWKS)"},
		{"JWKSPlain", []string{testKeys}, "--jwks=http://example.com/jwks?50%off --store=memory:", "--jwks (WEBHOOKS_JWKS)"},
		{"KeysUnset", []string{testSecret}, "", "WEBHOOKS_SECRET_KEYS"},
		{"KeysWrong", []string{testSecret, "WEBHOOKS_SECRET_KEYS=AAECAw=="}, "", "WEBHOOKS_SECRET_KEYS"},
		{"PrivateKey", []string{"WEBHOOKS_PRIVATE_KEY=whsk_x"}, "--dev --store=memory:", "WEBHOOKS_PRIVATE_KEY"},
		{"DevelopmentEverywhere", nil, "--addr=0.0.0.0:0", "WEBHOOKS_JWT_SECRET"},
		{"DevelopmentNoHost", nil, "--addr=:0", "--addr (WEBHOOKS_ADDR)"},
		{"DevelopmentMetrics", nil, "--metrics-addr=0.0.0.0:0", "--metrics-addr (WEBHOOKS_METRICS_ADDR)"},
		{"DevelopmentPublic", nil, "--addr=192.0.2.1:0", "--addr (WEBHOOKS_ADDR)"},
		{"DevelopmentSaidEverywhere", []string{testSecret, testKeys}, "--dev --addr=0.0.0.0:0", "leave out --dev (WEBHOOKS_DEV)"},
		{"DevelopmentOfADispatcher", []string{testKeys}, "--dispatcher --dev", "--dev (WEBHOOKS_DEV)"},
		{"DevelopmentWithJWKS", []string{testKeys, "WEBHOOKS_DEV=true"}, "--jwks=https://example.com/jwks", "--dev (WEBHOOKS_DEV)"},
		{"DevelopmentPerhaps", []string{"WEBHOOKS_DEV=perhaps"}, "", "--dev (WEBHOOKS_DEV)"},
		{"NotDevelopmentWhereItIsDenied", []string{"WEBHOOKS_DEV=false"}, "", "WEBHOOKS_JWT_SECRET"},
		{"NotDevelopmentWithPostgreSQL", nil, "--store=postgres://here", "--dev (WEBHOOKS_DEV)"},
		{"NotDevelopmentWithAFile", nil, "--store=sqlite:other.db", "--dev (WEBHOOKS_DEV)"},
		{"NotDevelopmentInMemory", nil, "--store=memory:", "--dev (WEBHOOKS_DEV)"},
		{"NotDevelopmentOfTheAPI", nil, "--api", "--dev (WEBHOOKS_DEV)"},
		{"NotDevelopmentOfADispatcher", nil, "--dispatcher", "WEBHOOKS_SECRET_KEYS"},
		{"TokenOrg", []string{testSecret}, "token --org=acme", "--org (WEBHOOKS_ORG)"},
		{"TokenScope", []string{testSecret}, "token --scope=all", "--scope (WEBHOOKS_SCOPE)"},
		{"TokenBeforeServe", nil, "token", "set it to the secret of the host"},
		{"TokenOfJWKS", []string{"WEBHOOKS_JWKS=keys.json"}, "token", "WEBHOOKS_JWT_SECRET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			r := command(t, c.environ, strings.Fields(c.args)...)
			if r.code != exitWrong {
				t.Errorf("exit %d, want %d", r.code, exitWrong)
			}
			if strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, c.names) {
				t.Errorf("standard error is not one line that names %s: %q", c.names, r.stderr)
			}
			if r.stdout != "" {
				t.Errorf("standard output: %q", r.stdout)
			}
			for _, secret := range []string{"50%off", "0123456789abcdef", "short", "AAECAw"} {
				if strings.Contains(r.stderr, secret) {
					t.Errorf("a secret is shown: %q", r.stderr)
				}
			}
		})
	}
}

func TestAFlagWinsOverItsVariable(t *testing.T) {
	t.Parallel()
	h := &host{environ: []string{
		"WEBHOOKS_TIMEOUT=3s", "WEBHOOKS_WORKERS=7", "WEBHOOKS_RETRY_SCHEDULE=1s, 2s, 1d12h", "WEBHOOKS_ALLOW_NETWORKS=10.0.0.0/8,fd00::/8",
		"WEBHOOKS_RETENTION=", "WEBHOOKS_NO_MIGRATE=true", "WEBHOOKS_PORT=tcp://10.1.2.3:80", "WEBHOOKS_SERVICE_HOST=10.1.2.3",
	}}
	c, _, err := h.parse([]string{"--timeout=4s"})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Serve.settings
	if time.Duration(got.Timeout) != 4*time.Second || got.Workers != 7 || !got.NoMigrate {
		t.Errorf("timeout %v, workers %d, no-migrate %v", time.Duration(got.Timeout), got.Workers, got.NoMigrate)
	}
	if time.Duration(got.Retention) != 720*time.Hour || got.Addr != "127.0.0.1:8080" || got.Store != "sqlite:webhooks.db" {
		t.Errorf("defaults: %v %v %v", time.Duration(got.Retention), got.Addr, got.Store)
	}
	if want := []time.Duration{time.Second, 2 * time.Second, 36 * time.Hour}; !slices.Equal(got.RetrySchedule, want) {
		t.Errorf("schedule %v", got.RetrySchedule)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}; !slices.Equal(got.AllowNetworks, want) {
		t.Errorf("networks %v", got.AllowNetworks)
	}
}

func TestHelpListsEverySetting(t *testing.T) {
	t.Parallel()
	r := command(t, nil, "--help")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	text := strings.Join(strings.Fields(r.stdout), " ")
	for _, want := range []string{
		"serve", "demo", "token", "migrate", "openapi", "--addr", "127.0.0.1:8080", "sqlite:webhooks.db", "15s", "720h",
		"WEBHOOKS_ADDR", "WEBHOOKS_STORE", "WEBHOOKS_JWT_SECRET", "WEBHOOKS_JWKS", "WEBHOOKS_JWT_ISSUER", "WEBHOOKS_JWT_AUDIENCE",
		"WEBHOOKS_ALLOW_NETWORKS", "WEBHOOKS_SECRET_KEYS", "WEBHOOKS_RETRY_SCHEDULE", "WEBHOOKS_TIMEOUT", "WEBHOOKS_WORKERS",
		"WEBHOOKS_RETENTION", "WEBHOOKS_SEED", "WEBHOOKS_LOG_LEVEL", "WEBHOOKS_LOG_FORMAT", "WEBHOOKS_NO_MIGRATE", "WEBHOOKS_METRICS_ADDR",
		"WEBHOOKS_MAX_CONNECTIONS", "4096", "rotate-keys",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("--help does not mention %s", want)
		}
	}
	for _, args := range [][]string{
		{"serve", "--help"},
		{"token", "--help"},
		{"migrate", "--help"},
		{"demo", "--help"},
		{"openapi", "--help"},
		{"rotate-keys", "--help"},
	} {
		if r := command(t, nil, args...); r.code != 0 || r.stdout == "" {
			t.Errorf("%v: exit %d", args, r.code)
		}
	}
}

func TestSecretsComeFromFilesToo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	h := &host{environ: []string{
		"WEBHOOKS_JWT_SECRET_FILE=" + file("jwt", "0123456789abcdef0123456789abcdef\n"),
		"WEBHOOKS_SECRET_KEYS_FILE=" + file("keys", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,\n "+
			"AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
		"WEBHOOKS_STORE_FILE=" + file("store", "memory:\n"),
	}}
	c, err := h.config(settings{Addr: "0.0.0.0:0"})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.jwtSecrets) != 1 || string(c.jwtSecrets[0]) != "0123456789abcdef0123456789abcdef" || c.dev != nil || c.inClear {
		t.Errorf("secrets %q, development %v, in clear %v", c.jwtSecrets, c.dev, c.inClear)
	}
	if k := c.library.SecretKeys; len(k) != 2 || k[0][0] != 0 || k[1][0] != 1 {
		t.Errorf("keys %v", k)
	}
	if c.Store != "memory:" {
		t.Errorf("store %q", c.Store)
	}
}

func TestDevelopmentSecretsAreKeptAndOurs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	h := &host{}
	s := settings{Dev: new(true), Addr: "127.0.0.1:0", storeSettings: storeSettings{Store: storeAddress("sqlite:" + folder + "/webhooks.db")}}
	first, err := h.config(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.config(s)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.jwtSecrets[0], again.jwtSecrets[0]) || !bytes.Equal(first.library.SecretKeys[0], again.library.SecretKeys[0]) {
		t.Error("the second start made other secrets")
	}
	if !first.library.AllowHTTP || len(first.library.AllowNetworks) != 2 {
		t.Error("deliveries may not reach loopback")
	}
	for _, name := range []string{devSecretFile, devKeyFile} {
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := h.config(s); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%s that others can read: %v", name, err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
