package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/internal/testpg"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.check(o.hooks.Dispatcher.Stop(t.Context()))
	ways := o.ways("webhooks:admin")
	o.publish(ways["store"])
	for _, want := range []string{
		"address        sqlite:", "database       up", "schema         version ", "keys           every signing secret can be read",
		"due            2, the oldest for ", "open circuits  0",
	} {
		if r := o.run(ways["store"], "status"); r.code != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("exit %d, want %q:\n%s%s", r.code, want, r.stdout, r.stderr)
		}
	}
	for way, environ := range ways {
		var report struct {
			Overview struct {
				Queue struct{ Due int }
				Store struct{ SchemaVersion int }
			}
			Health map[string]struct{ Status string }
		}
		o.json(o.run(environ, "status", "--json"), &report)
		if report.Overview.Queue.Due != 2 || report.Overview.Store.SchemaVersion == 0 || report.Health["database"].Status != "up" {
			t.Errorf("%s: %+v", way, report)
		}
	}
}

func TestStatusSaysThatTheTokenLacksTheScope(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	r := o.run(o.ways("webhooks:read")["REST"], "status")
	if !r.says(0, "database    up", "unknown: the token lacks the scope webhooks:admin") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

func TestStatusShowsOpenCircuits(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	environ := o.ways("webhooks:admin")["store"]
	for range 10 {
		o.run(environ, "subscriptions", "test", o.bad.ID.String())
	}
	for way, environ := range o.ways("webhooks:read") {
		if r := o.run(environ, "status"); !strings.Contains(stable(r.stdout), "STATE  SINCE  HOST  REASON\n<id>  failing  <time>  <host>") {
			t.Errorf("%s: %s%s", way, r.stdout, r.stderr)
		}
	}
	table := "FAILING SINCE  FAILURES  NEXT PROBE\n<id>  <id>  <time>  10  <time>\n"
	for way, environ := range o.ways("webhooks:admin") {
		r := o.run(environ, "status")
		if !r.says(0, "open circuits  1", o.bad.ID.String()) || !strings.Contains(stable(r.stdout), table) {
			t.Errorf("%s: %s%s", way, r.stdout, r.stderr)
		}
	}
}

// An open circuit holds deliveries: events show says until when, as events explain does.
func TestEventsShowSaysUntilWhenADeliveryIsHeld(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	ways := o.ways("webhooks:admin")
	for range 10 {
		o.run(ways["store"], "subscriptions", "test", o.bad.ID.String())
	}
	event := webhooks.Event{Type: "vitals.observation.created", Data: json.RawMessage(observation)}
	within(t, func() bool {
		// Each second one of the deliveries is sent as a probe, which ends its hold.
		published, err := o.hooks.Dispatcher.PublishBatch(t.Context(), o.bad.OrganizationID, slices.Repeat([]webhooks.Event{event}, 20))
		o.check(err)
		shown := stable(o.run(ways["store"], "events", "show", published[19].ID.String()).stdout)
		return strings.Contains(shown, "CODE  NEXT RETRY  HELD UNTIL  ERROR\n") && strings.Contains(shown, "  -  <time>  -\n")
	})
}

func TestStatusShowsDispatchersAndPartitionsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn, schema := testpg.DSN(t), testpg.Schema(t)
	environ := []string{"WEBHOOKS_STORE=" + dsn, "WEBHOOKS_SCHEMA=" + schema, testKeys}
	if r := command(t, environ, "migrate", "up"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	dropSchema(t, environ)
	db, err := (storeSettings{Store: storeAddress(dsn), Schema: schema}).open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.sql.Beat(t.Context(), 0, time.Minute)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	r := command(t, environ, "status")
	if !r.says(0, "address        postgres://", "partitions     20", "dispatchers    1", "DISPATCHER  SILENT FOR", "  alive\n") {
		t.Errorf("%+v", r)
	}
}

func TestStatusNamesAMissingKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	environ := []string{"WEBHOOKS_STORE=sqlite:" + filepath.Join(folder, "webhooks.db")}
	if r := command(t, append(environ, testKeys), "migrate", "up"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	in := `{"application": {"uid": "` + operatedOrg + `"}, "endpoint": {"id": "e", "url": "https://example.com/"},
	"secret": {"key": "` + listenSecret + `"}, "headers": {}}`
	file := filepath.Join(folder, "in")
	if err := os.WriteFile(file, []byte(in), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := command(t, append(environ, testKeys), "import", "--from=svix", file); r.code != 0 {
		t.Fatal(r.stderr)
	}
	other := "WEBHOOKS_SECRET_KEYS=" + keyA
	for key, want := range map[string]string{testKeys: "every signing secret", other: "WEBHOOKS_SECRET_KEYS lacks a key"} {
		if r := command(t, append(environ, key), "status"); r.code != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("exit %d, want %s: %s%s", r.code, want, r.stdout, r.stderr)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	if r := command(t, nil, "healthcheck", o.url); r.code != 0 || r.stdout != "ok\n" {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := command(t, []string{"WEBHOOKS_ADDR=" + strings.TrimPrefix(o.url, "http://")}, "healthcheck"); r.code != 0 {
		t.Errorf("by the variable: exit %d: %s", r.code, r.stderr)
	}
	if r := command(t, nil, "healthcheck", o.url+"/nowhere"); r.code != exitFailed || !strings.Contains(r.stderr, "HTTP 404") {
		t.Errorf("a path: exit %d: %s", r.code, r.stderr)
	}
	o.check(o.hooks.Dispatcher.Stop(t.Context()))
	if r := command(t, nil, "healthcheck", o.url); !r.says(exitFailed, "HTTP 503; dispatcher: the dispatcher does not run\n") {
		t.Errorf("stopped: exit %d: %s", r.code, r.stderr)
	}
	if r := command(t, nil, "healthcheck", "http://127.0.0.1:1"); r.code != exitFailed || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("nothing there: exit %d: %s", r.code, r.stderr)
	}
}

func TestHealthcheckAsksTheHostOfTheSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ addr, variable, want string }{
		{"0.0.0.0:8080", "", "http://localhost:8080/healthcheck"},
		{"[::]:8080", "", "http://localhost:8080/healthcheck"},
		{":8080", "", "http://localhost:8080/healthcheck"},
		{"10.1.2.3:80", "", "http://10.1.2.3:80/healthcheck"},
		{"127.0.0.1:8443", "WEBHOOKS_TLS_CERT=cert.pem", "https://127.0.0.1:8443/healthcheck"},
	} {
		got, ours, err := (&healthcheckCmd{Addr: listenAddress(c.addr)}).target(&host{environ: []string{c.variable}})
		if got != c.want || !ours || err != nil {
			t.Errorf("%s: %s, %v, %v", c.addr, got, ours, err)
		}
	}
}

func TestSeedCheck(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	text, err := sampleCatalog.ReadFile("seed/01-sample.json")
	o.check(err)
	folder := t.TempDir()
	write := func(name, text string) { o.check(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)) }
	write("1.json", string(text))
	write("2.json", `{"version": "sample-2", "description": "More", "categories": []}`)
	for way, environ := range o.ways("webhooks:read") {
		r := o.run(environ, "seed", "check", folder)
		want := "sample-1  applied  <time>  Sample catalog of the development mode\nsample-2  new  -  More\n"
		if r.code != 0 || !strings.Contains(stable(r.stdout), want) {
			t.Errorf("%s: exit %d: %s%s", way, r.code, r.stdout, r.stderr)
		}
	}
	environ := o.ways("")["store"]
	write("1.json", string(text)+"\n")
	if r := o.run(environ, "seed", "check", folder); !r.says(exitFailed, "sample-1  changed since", "new version") {
		t.Errorf("changed: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	o.check(os.Remove(filepath.Join(folder, "1.json")))
	if r := o.run(environ, "seed", "check", folder); r.code != 0 || !strings.Contains(r.stdout, "sample-1  applied, not in the folder") {
		t.Errorf("missing: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := command(t, nil, "seed", "check", "--documents-only", folder); r.code != 0 || !strings.Contains(r.stdout, "sample-2  valid") {
		t.Errorf("alone: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	write("3.json", `{"version": "3", "categories": [{"code": "a", "name": ""}]}`)
	if r := o.run(environ, "seed", "check", folder); !r.says(exitFailed, "3.json", "/categories/0/name") {
		t.Errorf("wrong: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	applied, err := o.hooks.Registry.SeedVersions(t.Context())
	if err != nil || len(applied) != 1 {
		t.Errorf("the check applied %v, %v", applied, err)
	}
	for _, folder := range []string{"nowhere", t.TempDir()} {
		if r := o.run(environ, "seed", "check", folder); r.code != exitWrong || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d: %s", folder, r.code, r.stderr)
		}
	}
}

// columnGaps are the blanks between two columns of a table.
var columnGaps = regexp.MustCompile(` {2,}`)

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	folder := t.TempDir()
	fresh := "WEBHOOKS_STORE=sqlite:" + filepath.Join(folder, "webhooks.db")
	here := "WEBHOOKS_STORE=sqlite:" + o.path
	off := "WEBHOOKS_SECRET_KEYS=off"
	inFile := filepath.Join(t.TempDir(), "store")
	o.check(os.WriteFile(inFile, []byte("sqlite:"+o.path+"\n"), 0o600))
	for _, c := range []struct {
		environ []string
		args    string
		code    int
		want    string
	}{
		{[]string{"WEBHOOKS_STORE_FILE=" + inFile, off, testSecret}, "", 0, "--store  sqlite:" + o.path},
		{[]string{here, off, testSecret}, "--deadline=30d --workers=9", 0, "--deadline  720h0m0s"},
		{[]string{here, off, testSecret}, "--retention=forever", 0, "--retention  forever"},
		{[]string{here, off, testSecret}, "--allow-networks=10.0.0.0/8,10.1.0.0/16", 0, "--allow-networks  10.0.0.0/8,10.1.0.0/16"},
		{[]string{here, off, testSecret}, "--retry-schedule=1s,2m", 0, "--retry-schedule  1s,2m0s"},
		{[]string{here, off, testSecret}, "--seed=seed", 0, "the store can be written"},
		{[]string{here, off, testSecret}, "", 0, "WEBHOOKS_JWT_SECRET  1 value\n"},
		{[]string{here, off}, "--dispatcher", 0, "WEBHOOKS_SECRET_KEYS  off"},
		{[]string{fresh, testKeys, testSecret}, "", 0, "does not exist: serve creates it"},
		{[]string{fresh}, "--dev", 0, "of development mode"},
		{[]string{fresh, testKeys, testSecret}, "--no-migrate", exitWrong, "--no-migrate (WEBHOOKS_NO_MIGRATE)"},
		{[]string{here, off}, "", exitWrong, "WEBHOOKS_JWT_SECRET is not set"},
		{[]string{here, testSecret}, "", exitWrong, "WEBHOOKS_SECRET_KEYS is not set"},
		{[]string{here, off, testSecret}, "--deadline=1s", exitWrong, "--retry-schedule (WEBHOOKS_RETRY_SCHEDULE)"},
		{[]string{here, off, testSecret}, "--max-data=33554432", exitWrong, "--request-memory (WEBHOOKS_REQUEST_MEMORY)"},
		{[]string{here, off, testSecret}, "--seed=" + folder, exitWrong, "has no *.json files"},
		{[]string{here, off}, "--jwks=" + o.path, exitWrong, "--jwks (WEBHOOKS_JWKS) is wrong"},
		{[]string{"WEBHOOKS_STORE=postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable", off, testSecret}, "", exitWrong, "--store"},
		{[]string{"WEBHOOKS_STORE=memory:", off, testSecret}, "--api", exitWrong, "memory:"},
	} {
		r := command(t, c.environ, append([]string{"config", "check"}, strings.Fields(c.args)...)...)
		out := columnGaps.ReplaceAllString(r.stdout+r.stderr, "  ")
		if r.code != c.code || !strings.Contains(out, c.want) || c.code != 0 && (strings.Count(r.stderr, "\n") != 1 || r.stdout != "") {
			t.Errorf("%v %s: exit %d, want %d and %q:\n%s", c.environ, c.args, r.code, c.code, c.want, out)
		}
		for _, secret := range []string{"=hunter2", testSecret, testKeys} {
			if _, value, _ := strings.Cut(secret, "="); strings.Contains(out, value) {
				t.Errorf("%v shows a secret: %s", c.environ, out)
			}
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) > 0 {
		t.Errorf("the check made %v, %v", files, err)
	}
	r := command(t, []string{here, off, testSecret}, "config", "check", "--json")
	var report struct{ Settings []settingReport }
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || report.Settings[0].Setting != "--dev" {
		t.Errorf("%v: %s%s", err, r.stdout, r.stderr)
	}
}

func TestConfigCheckCountsPendingMigrations(t *testing.T) {
	t.Parallel()
	environ := []string{"WEBHOOKS_STORE=sqlite:" + filepath.Join(t.TempDir(), "webhooks.db"), testKeys, testSecret}
	for _, args := range []string{"migrate up", "migrate down --yes --steps=2"} {
		if r := command(t, environ, strings.Fields(args)...); r.code != 0 {
			t.Fatal(r.stderr)
		}
	}
	if r := command(t, environ, "config", "check"); r.code != 0 || !strings.Contains(r.stdout, "lacks 2 migrations") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := command(t, environ, "config", "check", "--no-migrate"); r.code != exitWrong || !strings.Contains(r.stderr, "version") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestWithoutCredentials(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"15s":                                   "15s",
		"sqlite:/a b.db":                        "sqlite:/a b.db",
		"postgres://u:p@db:5432/w?password=p":   "postgres://…@db:5432/w?…",
		"https://keys.example.com/a?token=p#x":  "https://keys.example.com/a?…",
		"postgres://u:p ass%zz@db/w":            "postgres://…",
		"http://proxy.example.com:3128":         "http://proxy.example.com:3128",
		"postgres://u:p@db/w":                   "postgres://…@db/w",
		"https://a.example,https://b.example:1": "https://a.example,https://b.example:1",
	} {
		if got := withoutCredentials(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestShownJSONKeepsDataAndMasksSecrets(t *testing.T) {
	t.Parallel()
	got, err := shownJSON([]any{
		client.Subscription{SecretKey: listenSecret, Headers: client.Headers{"X-Key": "0123456789"}},
		client.MessageDetail{Data: json.RawMessage(`{"secretKey": "s", "a": 1.0, "at": "0001-01-01T00:00:00Z"}`)},
		&client.Delivery{Attempts: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"secretKey":"••••LaSw","events":null`, `"headers":{"X-Key":"••••`, `"data":{"secretKey":"s","a":1.0,"at":"0001-01-01T00:00:00Z"}`,
		`"id":null`, `"postedAt":null`, `"attempts":3`, `"createdAt":null`,
	} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("want %s in %s", want, got)
		}
	}
	if bytes.Contains(got, []byte(listenSecret)) || bytes.Contains(got, []byte("0123456789")) || !json.Valid(got) {
		t.Errorf("%s", got)
	}
}

// The progress is a line that changes on a terminal, and a line of the log every 10 s elsewhere.
func TestProgress(t *testing.T) {
	t.Parallel()
	var screen, log bytes.Buffer
	at := time.Unix(0, 0)
	now := func() time.Time { return at }
	lines := slog.New(slog.NewTextHandler(&log, nil))
	onTerminal := &progress{name: "recovery", now: now, began: at, screen: &screen, log: lines}
	elsewhere := &progress{name: "recovery", now: now, began: at, latest: at.Add(progressAfter - progressLines), log: lines}
	for second := range 25 {
		at = time.Unix(int64(second), 0)
		onTerminal.step(second, 30)
		elsewhere.step(second, 30)
	}
	onTerminal.end()
	elsewhere.end()
	if got := screen.String(); !strings.HasPrefix(got, "\rrecovery: 2 of 30\r") || !strings.HasSuffix(got, "\rrecovery: 24 of 30\n") {
		t.Errorf("%q", got)
	}
	if got := log.String(); strings.Count(got, "\n") != 3 || !strings.Contains(got, "msg=recovery done=22 of=30") {
		t.Errorf("%q", got)
	}
}

func TestTheAnswerOfAHandlerInProcess(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Id", uuid.Nil.String())
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // has no effect
		_, _ = w.Write([]byte(r.Method))
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://store/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := inProcess{handler}.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusTeapot || got.ContentLength != 3 || got.Header.Get("X-Id") == "" {
		t.Errorf("%+v", got)
	}
}
