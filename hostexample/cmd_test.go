package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

const (
	operatedOrg = "7152ff07-72b4-4934-b96c-9283003188a1"
	headerValue = "Basic-c2VjcmV0OnNlY3JldA"
	observation = `{"code":"8867-4","value":72.10,"unit":"/min"}`
)

var update = flag.Bool("update", false, "write the files of testdata")

// operated is a host on SQLite in this process, with a working and a failing endpoint.
type operated struct {
	*testing.T
	hooks     *webhooks.Webhooks
	db        *sqlite.Store
	path, url string
	good, bad webhooks.Subscription
	secrets   []string // that no output may contain
	received  chan received
}

// received is a request to the working endpoint.
type received struct {
	header http.Header
	body   string
}

func newOperated(t *testing.T) *operated {
	t.Helper()
	o := &operated{T: t, path: filepath.Join(t.TempDir(), "webhooks.db"), received: make(chan received, 100)}
	db, err := sqlite.Open(t.Context(), o.path, sqlite.Options{})
	o.check(err)
	o.db = db
	t.Cleanup(func() { _ = db.Close() })
	o.check(db.Migrate(t.Context()))
	o.hooks, err = webhooks.New(db, webhooks.Config{
		AllowHTTP: true, AllowNetworks: loopbackNetworks, PollInterval: 20 * time.Millisecond, RetrySchedule: []time.Duration{24 * time.Hour},
	})
	o.check(err)
	_, err = o.hooks.Registry.Seed(t.Context(), os.DirFS("seed"))
	o.check(err)
	auth, err := httpapi.NewJWT(httpapi.JWTConfig{Secret: []byte(strings.TrimPrefix(testSecret, "WEBHOOKS_JWT_SECRET="))})
	o.check(err)
	api, err := httpapi.New(o.hooks, httpapi.Config{Authenticator: auth, Dispatching: true})
	o.check(err)
	o.url = o.serve(api)
	o.check(o.hooks.Dispatcher.Start(context.WithoutCancel(t.Context())))
	t.Cleanup(func() { _ = o.hooks.Dispatcher.Stop(context.WithoutCancel(t.Context())) })
	o.good = o.subscribe(o.serve(http.HandlerFunc(o.receive)), "good\x1b[2J")
	o.bad = o.subscribe(o.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "broken\x1b[31m")
	})), "bad")
	return o
}

func (o *operated) check(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *operated) serve(handler http.Handler) string {
	s := httptest.NewServer(handler)
	o.Cleanup(s.Close)
	return s.URL
}

func (o *operated) receive(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	o.received <- received{r.Header, string(body)}
}

func (o *operated) subscribe(url, description string) webhooks.Subscription {
	o.Helper()
	sub, secret, err := o.hooks.Subscriptions.Create(o.Context(), uuid.MustParse(operatedOrg), webhooks.SubscriptionInput{
		PostURI: url + "/path-" + strings.TrimSpace(description[:3]), Events: []string{"vitals.*"}, IsDevelopment: true,
		Description: strings.ReplaceAll(description, "\x1b", "\u202e"), Headers: map[string]string{"X-Auth": headerValue},
	})
	o.check(err)
	o.secrets = append(o.secrets, secret, headerValue)
	return sub
}

// ways are the environments of commands on the store and over REST.
func (o *operated) ways(scope string) map[string][]string {
	o.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "ann", "org": operatedOrg, "scope": scope, "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(strings.TrimPrefix(testSecret, "WEBHOOKS_JWT_SECRET=")))
	o.check(err)
	org := "WEBHOOKS_ORG=" + operatedOrg
	return map[string][]string{
		"store": {org, "WEBHOOKS_STORE=sqlite:" + o.path, "WEBHOOKS_SECRET_KEYS=off", "USER=ann"},
		"REST":  {org, "WEBHOOKS_URL=" + o.url, "WEBHOOKS_TOKEN=" + token},
	}
}

// run runs a command, whose output must have no secret.
func (o *operated) run(environ []string, args ...string) result {
	o.Helper()
	r := command(o.T, environ, args...)
	for _, secret := range o.secrets {
		if strings.Contains(r.stdout+r.stderr, secret) {
			o.Errorf("%v shows a secret:\n%s%s", args, r.stdout, r.stderr)
		}
	}
	if i := strings.IndexFunc(r.stdout, func(c rune) bool { return c != '\n' && (c < ' ' || c == '\u202e') }); i >= 0 && !slices.Contains(args, "--json") {
		o.Errorf("%v shows a control character: %q", args, r.stdout[i:])
	}
	return r
}

// publish publishes an event and returns its id.
func (o *operated) publish(environ []string) string {
	o.Helper()
	var made struct{ ID string }
	o.json(o.run(environ, "publish", "vitals.observation.created", observation, "--json"), &made)
	return made.ID
}

func (o *operated) json(r result, v any) {
	o.Helper()
	if r.code != 0 {
		o.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), v); err != nil {
		o.Fatalf("%v: %s", err, r.stdout)
	}
}

// settled waits until no delivery of an event is pending for the first time.
func (o *operated) settled(id string) {
	o.Helper()
	within(o.T, func() bool {
		list, err := o.hooks.Dispatcher.MessageDeliveries(o.Context(), uuid.MustParse(operatedOrg), uuid.MustParse(id), webhooks.Page{})
		return err == nil && !slices.ContainsFunc(list.Items, func(d webhooks.Delivery) bool { return d.Attempt.HTTPStatus == 0 && d.Attempts == 1 })
	})
}

var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|127\.0\.0\.1:\d+|\b\d+(\.\d+)?(ms|s)\b|••••\S{4}`)

// stable replaces the parts of an output that differ between runs.
func stable(text string) string {
	text = changing.ReplaceAllStringFunc(text, func(s string) string {
		switch {
		case strings.HasPrefix(s, "•"):
			return "<masked>"
		case strings.HasPrefix(s, "127."):
			return "<host>"
		case strings.HasSuffix(s, "Z"):
			return "<time>"
		case strings.HasSuffix(s, "s"):
			return "<duration>"
		}
		return "<id>"
	})
	return regexp.MustCompile(`(?m) +$`).ReplaceAllString(regexp.MustCompile(`  +`).ReplaceAllString(text, "  "), "")
}

// Both ways are the same code on the same handler, so the outputs are the same.
func TestCommandsShowTheSameOverRESTAndOnTheStore(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	event := o.publish(o.ways("webhooks:admin")["store"])
	o.settled(event)
	want, err := os.ReadFile("testdata/commands.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	for way, environ := range o.ways("webhooks:admin") {
		var all strings.Builder
		for _, args := range [][]string{
			{"subscriptions", "list"},
			{"subscriptions", "list", "--limit=1", "--json"},
			{"subscriptions", "show", o.bad.ID.String()},
			{"subscriptions", "show", o.good.ID.String(), "--json"},
			{"events", "list", "--limit=1"},
			{"events", "list", "--limit=1", "--json"},
			{"events", "show", event},
			{"events", "explain", event},
			{"events", "explain", event, "--json"},
			{"recover", o.bad.ID.String(), "--since=1h", "--status=all", "--dry-run"},
			{"seed", "check", "seed"},
		} {
			r := o.run(environ, args...)
			fmt.Fprintf(&all, "$ %s\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
			if r.code != 0 {
				t.Errorf("%s: %v: exit %d: %s", way, args, r.code, r.stderr)
			}
		}
		got := stable(all.String())
		if *update {
			o.check(os.WriteFile("testdata/commands.txt", []byte(got), 0o600))
			want = []byte(got)
		}
		if got != string(want) {
			t.Errorf("%s: the output is not testdata/commands.txt (-update writes it):\n%s", way, got)
		}
	}
}

func TestAnAttemptIsShownWithItsOutcome(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	for way, environ := range o.ways("webhooks:admin") {
		event := o.publish(environ)
		o.settled(event)
		var shown struct {
			Activations []struct {
				ID           string
				Subscription struct{ ID string }
			}
		}
		o.json(o.run(environ, "events", "show", event, "--json"), &shown)
		attempts := map[string]string{}
		for _, a := range shown.Activations {
			attempts[a.Subscription.ID] = a.ID
		}
		good, bad := o.good.ID.String(), o.bad.ID.String()
		for _, c := range []struct {
			args []string
			code int
			want []string
		}{
			{[]string{"subscriptions", "test", good}, 0, []string{"status    succeeded", "code      200"}},
			{[]string{"subscriptions", "test", bad, "--event-type=vitals.observation.created"}, exitFailed,
				[]string{"status    failed", "code      500", "response  broken\uFFFD[31m", "the attempt is failed: HTTP 500"}},
			{[]string{"retry", good, attempts[good]}, 0, []string{"number    2", "status    succeeded"}},
			{[]string{"retry", bad, attempts[bad]}, exitFailed, []string{"status    failed"}},
			{[]string{"retry", good, attempts[good], "--no-wait"}, 0, []string{"attempt"}},
			{[]string{"subscriptions", "enable", bad}, 0, []string{"state         enabled"}},
		} {
			r := o.run(environ, c.args...)
			for _, want := range c.want {
				if r.code != c.code || !strings.Contains(r.stdout+r.stderr, want) {
					t.Errorf("%s: %v: exit %d, want %d and %q:\n%s%s", way, c.args, r.code, c.code, want, r.stdout, r.stderr)
				}
			}
		}
	}
}

// Without a dispatcher a command says that nothing is sent.
func TestAnAttemptWithoutOutcomeIsAFailure(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.check(o.hooks.Dispatcher.Stop(t.Context()))
	r := o.run(o.ways("webhooks:admin")["store"], "subscriptions", "test", o.good.ID.String(), "--wait=1ms")
	if r.code != exitFailed || !strings.Contains(r.stderr, "does a dispatcher run?") || !strings.Contains(r.stdout, "pending") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestRecoverWaitsUntilAllIsQueued(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	for way, environ := range o.ways("webhooks:admin") {
		o.check(o.hooks.Subscriptions.Deactivate(t.Context(), uuid.MustParse(operatedOrg), o.good.ID))
		o.publish(environ)
		o.check(o.hooks.Subscriptions.Activate(t.Context(), uuid.MustParse(operatedOrg), o.good.ID))
		for args, want := range map[string]string{
			"--status=missed --since=1h --until=2020-01-02T15:04:05Z": "/since: must be before until",
			"--status=missed --since=5m --dry-run":                    "matched  1",
		} {
			if r := o.run(environ, append([]string{"recover", o.good.ID.String()}, strings.Fields(args)...)...); !strings.Contains(r.stdout+r.stderr, want) {
				t.Errorf("%s: %s: %s%s", way, args, r.stdout, r.stderr)
			}
		}
		r := o.run(environ, "recover", o.good.ID.String(), "--status=missed", "--since=5m")
		if r.code != 0 || !strings.Contains(r.stdout, "state     done") || !strings.Contains(r.stdout, "queued    1") {
			t.Errorf("%s: exit %d: %s%s", way, r.code, r.stdout, r.stderr)
		}
		<-o.received
	}
}

// Ctrl-C ends the command, not the recovery.
func TestARecoveryGoesOnWithoutTheCommand(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.check(o.hooks.Dispatcher.Stop(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out lockedBuffer
	code := make(chan int)
	go func() {
		h := &host{environ: o.ways("")["store"], stdout: &out, stderr: &out}
		code <- h.run(ctx, []string{"recover", o.good.ID.String(), "--since=1h"})
	}()
	running := func() bool {
		now, err := o.db.Overview(t.Context())
		return err == nil && now.RunningRecoveries == 1
	}
	within(t, running)
	cancel()
	if got := <-code; got != exitFailed || !strings.Contains(out.String(), "goes on without this command") || !running() {
		t.Errorf("exit %d: %s", got, &out)
	}
}

func TestPublishTakesDataFromThreePlaces(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	file := filepath.Join(t.TempDir(), "data.json")
	o.check(os.WriteFile(file, []byte(observation), 0o600))
	for way, environ := range o.ways("webhooks:write") {
		for i, place := range [][]string{{observation}, {"-"}, {"--file=" + file}} {
			var out strings.Builder
			args := append([]string{"publish", "vitals.observation.created", "--idempotency-key=" + way + fmt.Sprint(i)}, place...)
			for _, want := range []string{"duplicate   false", "duplicate   true"} {
				out.Reset()
				h := &host{environ: environ, stdin: strings.NewReader(observation), stdout: &out, stderr: &out}
				if code := h.run(t.Context(), args); code != 0 || !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "deliveries  2") {
					t.Errorf("%s: %v: exit %d: %s", way, place, code, out.String())
				}
			}
			if got := <-o.received; !strings.HasSuffix(got.body, `"data":`+observation+"}") {
				t.Errorf("%s: %v: sent %s", way, place, got.body)
			}
		}
	}
}

func TestCommandsFailInOneLine(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	none := uuid.NewString()
	cases := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"subscriptions", "show", "x"}, exitWrong, `<subscription>: is "x", must be a UUID`},
		{[]string{"subscriptions", "show", none}, exitFailed, "HTTP 404 not_found"},
		{[]string{"subscriptions", "list", "--org=*"}, exitWrong, "--org (WEBHOOKS_ORG) is *, must be one organization"},
		{[]string{"subscriptions", "list", "--org=.."}, exitWrong, `--org (WEBHOOKS_ORG) is ".."`},
		{[]string{"subscriptions", "list", "--limit=0"}, exitWrong, "--limit (WEBHOOKS_LIMIT)"},
		{[]string{"events", "explain", none}, exitFailed, "HTTP 404 not_found"},
		{[]string{"publish", "vitals.observation.created"}, exitWrong, "the data is missing"},
		{[]string{"publish", "vitals.observation.created", "{"}, exitWrong, "the data is not valid JSON"},
		{[]string{"publish", "vitals.observation.created", "1", "--file=x"}, exitWrong, "set one"},
		{[]string{"publish", "vitals.observation.created", "--file=x"}, exitFailed, "no such file"},
		{[]string{"publish", "vitals.observation.created", `{"a":1}`}, exitFailed, "schema_mismatch"},
		{[]string{"publish", "nothing.happened", "1"}, exitFailed, "/eventType: names no event type"},
		{[]string{"retry", o.good.ID.String(), none}, exitFailed, "HTTP 404 not_found"},
		{[]string{"recover", o.good.ID.String(), "--since=yesterday"}, exitWrong, "--since (WEBHOOKS_SINCE)"},
		{[]string{"recover", o.good.ID.String(), "--since=1h", "--status=lost"}, exitWrong, "must be failed, missed or all"},
		{[]string{"listen", "--forward-to=localhost:3000"}, exitWrong, "--forward-to (WEBHOOKS_FORWARD_TO) must be"},
		{[]string{"listen", "--subscription=" + none}, exitFailed, "HTTP 404 not_found"},
		{[]string{"healthcheck", "localhost"}, exitWrong, "must be an absolute http or https URL"},
	}
	for way, environ := range o.ways("webhooks:admin") {
		for _, c := range cases {
			r := o.run(environ, c.args...)
			if r.code != c.code || !strings.Contains(r.stderr, c.want) || strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
				t.Errorf("%s: %v: exit %d, %q%q, want %d and one line with %q", way, c.args, r.code, r.stdout, r.stderr, c.code, c.want)
			}
		}
	}
}

func TestAccessNamesTheWrongSetting(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := newOperated(t)
	for want, environ := range map[string][]string{
		"which does not exist":              {"WEBHOOKS_STORE=sqlite:" + filepath.Join(folder, "none.db")},
		"memory:, which no other":           {"WEBHOOKS_STORE=memory:", testKeys},
		"WEBHOOKS_SECRET_KEYS is not set":   {"WEBHOOKS_STORE=sqlite:" + o.path},
		"WEBHOOKS_TOKEN is not set":         {"WEBHOOKS_URL=http://127.0.0.1"},
		"WEBHOOKS_TOKEN_FILE cannot":        {"WEBHOOKS_URL=http://127.0.0.1", "WEBHOOKS_TOKEN_FILE=" + filepath.Join(folder, "none")},
		"--url (WEBHOOKS_URL)":              {"WEBHOOKS_URL=example.com", "WEBHOOKS_TOKEN=t"},
		"--deadline (WEBHOOKS_DEADLINE) is": {"WEBHOOKS_STORE=sqlite:" + o.path, testKeys, "WEBHOOKS_DEADLINE=x"},
	} {
		r := command(t, environ, "status")
		if r.code != exitWrong || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("exit %d, %q, want %q", r.code, r.stderr, want)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) > 0 {
		t.Errorf("the commands made %v, %v", files, err)
	}
}

// A command on the store has the settings of the host by the host's variables.
func TestACommandOnTheStoreHasTheSettingsOfTheHost(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	environ := append(o.ways("")["store"], "WEBHOOKS_MAX_DATA=10")
	if r := o.run(environ, "publish", "vitals.observation.created", observation); r.code != exitFailed || !strings.Contains(r.stderr, "at most 10 bytes") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestChangesNameTheUserOfTheCommand(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	id := o.publish(o.ways("")["store"])
	m, err := o.hooks.Dispatcher.Message(t.Context(), uuid.MustParse(operatedOrg), uuid.MustParse(id))
	if err != nil || m.CreatedBy != "cli/ann" {
		t.Errorf("by %q, %v", m.CreatedBy, err)
	}
}
