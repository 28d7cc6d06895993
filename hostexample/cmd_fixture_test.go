package main

import (
	"context"
	"encoding/json"
	"flag"
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
	o.url = o.serve(o.api(nil))
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

// api returns the REST interface.
func (o *operated) api(links httpapi.PortalLinks) http.Handler {
	o.Helper()
	auth, err := httpapi.NewJWT(httpapi.JWTConfig{Secret: []byte(strings.TrimPrefix(testSecret, "WEBHOOKS_JWT_SECRET="))})
	o.check(err)
	api, err := httpapi.New(o.hooks, httpapi.Config{Authenticator: auth, Dispatching: true, PortalLinks: links})
	o.check(err)
	return api
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
	acts := func(c rune) bool { return c != '\n' && (c < ' ' || c == '\u202e') }
	if strings.ContainsFunc(r.stdout, acts) && !slices.Contains(args, "--json") {
		o.Errorf("%v shows a control character: %q", args, r.stdout)
	}
	return r
}

// says reports whether the exit code is right, and the output has the texts.
func (r result) says(code int, texts ...string) bool {
	return r.code == code && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(r.stdout+r.stderr, text) })
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
		waits := func(d webhooks.Delivery) bool { return d.Attempt.HTTPStatus == 0 && d.Attempts == 1 }
		return err == nil && !slices.ContainsFunc(list.Items, waits)
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
