//go:build unix

package docs_test

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// scenes run the shell blocks of the pages. They supply the host, the database or the token that the reader has.
var scenes = map[string]func(*scene){
	"README.md: Try it":       developerTriesIt,
	"README.md: Try it, then": demo,

	"host.md: Development mode":       twoHalves,
	"host.md: Development mode, then": runBefore,
	"host.md: Production":             production,

	"deployment.md: The program": builtProgram,
	"deployment.md: Secrets":     runBefore,
	"deployment.md: Start":       deployed,
	"deployment.md: Start, then": runBefore,

	"operating.md: Backup and restore":       restored,
	"operating.md: Backup and restore, then": runBefore,

	"observability.md: Traces": traced,

	"rest.md: With curl": curl,

	"catalog.md: The catalog as documents": exports,

	"migrations.md: psql and sqlite3":       psql,
	"migrations.md: psql and sqlite3, then": sqlite3,
	"migrations.md: goose":                  goose,
	"migrations.md: golang-migrate":         golangMigrate,
	"migrations.md: Atlas":                  atlas,

	"migrating.md: What the importer does":   importer,
	"migrating.md: From Svix":                fromSvix,
	"migrating.md: From Convoy":              fromConvoy,
	"migrating.md: From a table of your own": fromOwnTable,
}

// runBefore is the scene of a block that the scene of the block before runs.
func runBefore(s *scene) { s.Log("run together with the block before") }

// until calls done until it is true.
func (s *scene) until(rule string, done func() bool) {
	s.Helper()
	for ctx := s.Context(); !done(); {
		select {
		case <-ctx.Done():
			s.Fatal(rule)
		default:
		}
	}
}

// delivers publishes an event by the command that a host in development mode prints.
func (s *scene) delivers(host *server) {
	s.Helper()
	needTools(s.T, "curl")
	publish, list := host.line("curl "), host.line("curl ")
	s.contains(s.sh("curl "+publish), `"deliveries":1`)
	s.until("the event is delivered", func() bool { return strings.Contains(s.sh("curl "+list), `"status":"succeeded"`) })
}

func developerTriesIt(s *scene) {
	needTools(s.T, "make")
	s.setenv("WEBHOOKS_DEV", "true")
	s.setenv("WEBHOOKS_ADDR", "127.0.0.1:0")
	s.setenv("WEBHOOKS_STORE", "sqlite:"+filepath.Join(s.folder, "webhooks.db"))
	s.folder = ".."
	host := s.start(s.text)
	s.delivers(host)
	_ = host.stop() // make reports the signal
}

func demo(s *scene) {
	s.folder = ".."
	s.contains(s.run(), "verif")
}

// startsDev starts a host in development mode, on SQLite in the folder of the scene.
func (s *scene) startsDev() *server {
	s.Helper()
	return s.start("WEBHOOKS_ADDR=127.0.0.1:0 hostexample serve --dev")
}

func twoHalves(s *scene) {
	s.setenv("WEBHOOKS_ADDR", "127.0.0.1:0")
	api := s.start(s.text)
	dispatcher := s.start(s.blocks["host.md: Development mode, then"].text)
	s.delivers(api)
	for _, half := range []*server{api, dispatcher} {
		if err := half.stop(); err != nil {
			s.Errorf("SIGTERM: %v\n%s", err, &half.stderr)
		}
	}
}

func production(s *scene) {
	needTools(s.T, "curl", "openssl")
	s.replace("postgres://webhooks:secret@db/webhooks", s.database())
	s.replace("/run/secrets/", s.folder+"/")
	s.replace("0.0.0.0:8080", "127.0.0.1:0")
	for _, file := range []string{"webhooks-keys", "webhooks-jwt"} {
		s.sh(regexp.MustCompile(`openssl rand [^\n]*`).FindString(s.text) + " > " + file)
	}
	host := s.start(s.text)
	s.contains(s.sh("curl -fsS "+host.url+"/healthcheck"), `"status":"ok"`)
	if err := host.stop(); err != nil {
		s.Errorf("SIGTERM: %v\n%s", err, &host.stderr)
	}
}

func builtProgram(s *scene) {
	s.replace(".bin/hostexample", filepath.Join(s.folder, "hostexample"))
	s.folder = ".."
	s.contains(s.run(), "commit", "go1.")
}

// deployed runs the pages' secrets, the migration, both roles, and the first requests.
func deployed(s *scene) {
	needTools(s.T, "curl", "openssl")
	s.sh(s.blocks["deployment.md: Secrets"].text)
	s.write("store-owner", s.database())
	s.write("store-api", s.read("store-owner"))
	for _, port := range []string{"8080", "8081", "9090", "9091"} {
		s.replace("0.0.0.0:"+port, "127.0.0.1:0")
	}
	commands := strings.Split(s.text, "\n\n")
	s.sh(commands[0])
	api, dispatcher := s.start(commands[1]), s.start(commands[2])
	requests := strings.NewReplacer("http://localhost:8080", api.url, "http://localhost:8081", dispatcher.url).
		Replace(s.blocks["deployment.md: Start, then"].text)
	answers := strings.Split(s.sh(requests), "\n")
	s.contains(answers[0], `"status":"ok"`)
	s.contains(answers[1], `"status":"ok"`)
	s.contains(answers[2], `"totalRecords":0`)
	for _, role := range []*server{api, dispatcher} {
		if err := role.stop(); err != nil {
			s.Errorf("SIGTERM: %v\n%s", err, &role.stderr)
		}
	}
}

// restored runs the page's backup, its restore, and the statement that makes the copy silent.
func restored(s *scene) {
	needTools(s.T, "pg_dump", "pg_restore")
	owner := s.database()
	s.write("store-owner", owner)
	s.write("store-copy", s.database())
	s.write("in", `{"application": {"uid": "7152ff07-72b4-4934-b96c-9283003188a1"}, "endpoint": {"id": "e", "url": "https://example.com/"},
		"secret": {"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "headers": {}}`)
	s.setenv("WEBHOOKS_STORE", owner)
	s.setenv("WEBHOOKS_SECRET_KEYS", "off")
	s.sh("hostexample migrate up && hostexample import --from=svix in")
	s.run()
	active := `psql -XAt "$(cat store-%s)" -c 'SELECT count(*) FROM webhooks.subscriptions WHERE active'`
	for _, c := range []struct{ rule, database, want string }{
		{"the dump has the subscription, which is active", "copy", "1"},
		{"the copy is silent", "copy", "0"},
		{"the original is not", "owner", "1"},
	} {
		if got := strings.TrimSpace(s.sh(fmt.Sprintf(active, c.database))); got != c.want {
			s.Errorf("%s: %s active subscriptions, want %s", c.rule, got, c.want)
		}
		if c.want == "1" && c.database == "copy" {
			s.sh(s.blocks["operating.md: Backup and restore, then"].text)
		}
	}
}

func traced(s *scene) {
	s.setenv("WEBHOOKS_ADDR", "127.0.0.1:0")
	s.replace("http://collector:4318", "http://127.0.0.1:1") // none listens, and the host serves all the same
	host := s.start(s.text)
	s.contains(s.sh("curl -fsS "+host.url+"/healthcheck"), `"status":"ok"`)
	if err := host.stop(); err != nil {
		s.Errorf("SIGTERM: %v\n%s", err, &host.stderr)
	}
}

func curl(s *scene) {
	needTools(s.T, "curl", "jq")
	host := s.startsDev()
	s.replace("http://127.0.0.1:8080", host.url)
	s.setenv("TOKEN", strings.TrimSpace(s.sh("hostexample token --scope webhooks:admin")))
	s.runs()
}

func exports(s *scene) {
	host := s.startsDev()
	s.replace("https://hooks.example.com", host.url)
	s.replace("WEBHOOKS_TOKEN=…", "WEBHOOKS_TOKEN="+strings.TrimSpace(s.sh("hostexample token")))
	if err := os.CopyFS(filepath.Join(s.folder, "seed"), os.DirFS("../hostexample/seed")); err != nil {
		s.Fatal(err)
	}
	s.contains(s.run(), "# Webhooks", "vitals.observation.created")
	var document struct{ Webhooks map[string]any }
	if err := json.Unmarshal([]byte(s.read("catalog.openapi.json")), &document); err != nil || len(document.Webhooks) == 0 {
		s.Errorf("the OpenAPI document has %d webhooks: %v", len(document.Webhooks), err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "events.go", s.read("events.go"), 0); err != nil {
		s.Error(err)
	}
}

// upToDate checks that the host finds all migrations applied.
func (s *scene) upToDate() {
	s.Helper()
	if status := s.sh("hostexample migrate status"); strings.Contains(status, "pending") || !strings.Contains(status, "applied") {
		s.Errorf("the tables are\n%s", status)
	}
}

func (s *scene) onPostgres() {
	s.Helper()
	url := s.database()
	s.setenv("DATABASE_URL", url)
	s.setenv("WEBHOOKS_STORE", url)
}

func psql(s *scene) {
	s.onPostgres()
	s.run()
	s.upToDate()
}

func sqlite3(s *scene) {
	needTools(s.T, "sqlite3")
	s.run()
	s.upToDate()
}

// The versions of the tools that the page names.
const (
	gooseTool   = "github.com/pressly/goose/v3/cmd/goose@v3.30.1"
	migrateTool = "github.com/golang-migrate/migrate/v4/cmd/migrate@v4.20.1"
)

// The commands of a tool apply a file of version 3, undo it and apply it again, and then a file of an upgrade.
func goose(s *scene) {
	s.onPostgres()
	s.install(gooseTool, "no_clickhouse,no_libsql,no_mssql,no_mysql,no_sqlite3,no_vertica,no_ydb,no_duckdb,no_spanner")
	s.sh("mkdir migrations")
	s.run()
	s.sh(`goose -dir migrations postgres "$DATABASE_URL" down; goose -dir migrations postgres "$DATABASE_URL" up`)
	s.sh(`{
  echo '-- +goose Up'; echo '-- +goose StatementBegin'
  hostexample migrate sql --from=3
  echo '-- +goose StatementEnd'
} > migrations/20261231000001_webhooks.sql
goose -dir migrations postgres "$DATABASE_URL" up`)
	s.upToDate()
}

func golangMigrate(s *scene) {
	s.onPostgres()
	s.install(migrateTool, "postgres")
	s.sh("mkdir migrations")
	s.run()
	s.sh(`migrate -path migrations -database "$DATABASE_URL" down -all; migrate -path migrations -database "$DATABASE_URL" up`)
	s.sh(`hostexample migrate sql --from=3 > migrations/000008_webhooks.up.sql
migrate -path migrations -database "$DATABASE_URL" up`)
	s.upToDate()
}

func atlas(s *scene) {
	needTools(s.T, "atlas")
	s.onPostgres()
	s.sh("mkdir migrations")
	s.run()
}
