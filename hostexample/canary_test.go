package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/signing"
)

// canaries are values that occur nowhere else, so that a find shows which value leaked.
type canaries struct {
	secret   string // a signing secret
	header   string // the value of a subscription's header
	query    string // of a subscription's URL
	payload  string // in an event's data
	response string // in a receiver's response
	given    string // in invalid requests
	token    string // a JWT
	jwt      string // the key of the JWTs
	key      string // encrypts signing secrets
	private  string // signs deliveries with ed25519
	portal   string // encrypts links to the portal
	link     string // the token of a link to the portal

	collector string // a key for the collector of traces
}

func newCanaries() canaries {
	return canaries{
		secret: "CanarySecret7d1fQx", header: "CanaryHeader52b8Qx", query: "CanaryQuery90eaQx", payload: "CanaryPayload3c6dQx",
		response: "CanaryResponse1b7eQx", given: "CanaryGiven84f0Qx", jwt: "CanaryTokenKey-0123456789-abcdefQx",
		key: "CanarySecretKeyCanarySecretKeyQx", private: signing.NewPrivateKey(),
		portal: "CanaryPortalKey-0123456789-abcdefQx", link: "CanaryLinkThatNobodyMadeQx",
		collector: "CanaryCollector6f2aQx",
	}
}

func (c canaries) environ() []string {
	return []string{
		"WEBHOOKS_JWT_SECRET=" + c.jwt, "WEBHOOKS_SECRET_KEYS=" + base64.StdEncoding.EncodeToString([]byte(c.key)),
		"WEBHOOKS_PRIVATE_KEY=" + c.private, "WEBHOOKS_LOG_LEVEL=debug", "WEBHOOKS_METRICS_ADDR=127.0.0.1:0",
		"WEBHOOKS_RETRY_SCHEDULE=50ms,50ms,1h", "WEBHOOKS_PORTAL_KEY=" + c.portal, "WEBHOOKS_PORTAL_URL=https://example.com/portal",
		"OTEL_EXPORTER_OTLP_HEADERS=api-key=" + c.collector + ",broken=" + c.collector + "%zz," + c.collector,
	}
}

// never returns the values that may be in the host's memory alone.
func (c canaries) never() map[string]string {
	_, signature, _ := strings.Cut(c.token[strings.Index(c.token, ".")+1:], ".")
	return map[string]string{
		"the signing secret": c.secret, "a token": c.token, "a token's signature": signature, "the tokens' key": c.jwt,
		"the secret key": c.key, "the private key": strings.TrimPrefix(c.private, "whsk_")[:40],
		"the key for the collector": c.collector, "a header's value": c.header,
		"the portal's key": c.portal, "the token of a link": c.link,
	}
}

// all returns the values that no log may hold.
func (c canaries) all() map[string]string {
	all := c.never()
	all["a URL's query"], all["a payload"] = c.query, c.payload
	all["a response"], all["what a request got wrong"] = c.response, c.given
	return all
}

// sweep fails if one of the values is in the text, in any usual encoding.
func sweep(t *testing.T, where string, text []byte, values map[string]string) {
	t.Helper()
	for name, value := range values {
		if how := found(text, value); how != "" {
			t.Errorf("%s: %s is there, %s", where, name, how)
		}
	}
}

func found(text []byte, value string) string {
	b := []byte(value)
	for how, spelling := range map[string]string{
		"as it is": value, "in base64": base64.RawStdEncoding.EncodeToString(b[:len(b)/3*3]), "as numbers": strings.Trim(fmt.Sprint(b), "[]"),
		"in base64, shifted by 1": base64.RawStdEncoding.EncodeToString(append([]byte{0}, b...)[:len(b)/3*3])[4:],
		"in base64, shifted by 2": base64.RawStdEncoding.EncodeToString(append([]byte{0, 0}, b...)[:len(b)/3*3])[4:],
		"in hex":                  hex.EncodeToString(b), "in upper-case hex": strings.ToUpper(hex.EncodeToString(b)),
	} {
		if bytes.Contains(text, []byte(spelling)) {
			return how
		}
	}
	return ""
}

func TestNoSecretShowsWhereItMustNot(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		c := newCanaries()
		c.story(t, folder, nil)
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		whole := []byte{}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(folder, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(f.Name(), "webhooks.db") && f.Name() != certFile {
				t.Errorf("a file that nobody asked for: %s", f.Name())
			}
			sweep(t, f.Name(), text, c.never())
			whole = append(whole, text...)
		}
		c.control(t, whole)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		dsn, schema, c := testpg.DSN(t), testpg.Schema(t), newCanaries()
		environ := []string{"WEBHOOKS_STORE=" + dsn, "WEBHOOKS_SCHEMA=" + schema}
		dropSchema(t, environ)
		c.story(t, t.TempDir(), environ)
		whole := dump(t, dsn, schema)
		sweep(t, "the tables", whole, c.never())
		c.control(t, whole)
	})
}

// control checks that a sweep finds the values that SECURITY.md says are not encrypted.
func (c canaries) control(t *testing.T, database []byte) {
	t.Helper()
	for name, value := range map[string]string{"payloads": c.payload, "queries": c.query, "responses": c.response} {
		if found(database, value) == "" {
			t.Errorf("the database holds no %s: the sweep looked in the wrong place", name)
		}
	}
}

// story runs a host through success, failure and misuse, and sweeps its output and its traces.
func (c *canaries) story(t *testing.T, folder string, environ []string) {
	t.Helper()
	receiver, closed := c.receivers(t, folder)
	traces := collect(t, nil)
	defer func() { c.traced(t, traces) }()
	environ = slices.Concat(c.environ(), traces.environ("canary"),
		[]string{"SSL_CERT_FILE=" + filepath.Join(folder, certFile), "WEBHOOKS_SEED=" + seedFolder(t)}, environ)
	c.token = c.tokenFor(t, "webhooks:admin")

	s := serve(t, folder, append(environ, "WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8"))
	a := api{s.url, c.token}
	var subs []string
	for _, uri := range []string{receiver + "/ok", receiver + "/fail", closed + "/"} {
		subs = append(subs, c.subscribe(t, a, uri))
	}
	message := c.publish(t, a)
	for i, want := range []string{"", "HTTP 500", "connect: connection refused"} {
		c.ends(t, a, subs[i], want)
	}
	c.portalLink(t, a)
	c.misuse(t, a, subs[0])
	c.read(t, a, subs, message)
	c.outside(t, s)
	s.signal(t, syscall.SIGTERM)
	c.ended(t, s)

	s = serve(t, folder, environ) // loopback is blocked now
	a.url = s.url
	c.publish(t, a)
	c.ends(t, a, subs[0], "blocked address 127.0.0.1")
	s.signal(t, syscall.SIGTERM)
	c.ended(t, s)

	r := execute(t, folder, append(environ, "WEBHOOKS_SECRET_KEYS="+keyA), "serve")
	sweep(t, "the refusal to start", []byte(r.stdout+r.stderr), c.all())
	if r.code != exitWrong {
		t.Errorf("with another key: exit %d: %s", r.code, r.stderr)
	}
}

// traced sweeps the spans that the hosts exported.
func (c *canaries) traced(t *testing.T, traces *collector) {
	t.Helper()
	if len(traces.named("webhooks.publish")) == 0 || len(traces.named("webhooks.attempt")) == 0 {
		t.Error("there are no spans: the sweep looked in the wrong place")
	}
	for _, sent := range traces.sent {
		sweep(t, "a span", sent, c.all())
	}
}

// ended sweeps the output of a host that has ended.
func (c *canaries) ended(t *testing.T, s *serving) {
	t.Helper()
	if code := s.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
	log := s.stderr.String()
	for _, line := range []string{"stopped", "configuration", "webhooks: request", "webhooks: attempt ended"} {
		if !strings.Contains(log, `"msg":"`+line+`"`) {
			t.Errorf("this is not the log: it lacks %s", line)
		}
	}
	sweep(t, "the log", []byte(log), c.all())
	sweep(t, "standard output", []byte(s.said.String()), c.all())
}

func (c *canaries) tokenFor(t *testing.T, scope string) string {
	t.Helper()
	r := command(t, []string{"WEBHOOKS_JWT_SECRET=" + c.jwt}, "token", "--scope="+scope)
	if r.code != 0 {
		t.Fatalf("token: %s", r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

func (c *canaries) subscribe(t *testing.T, a api, uri string) string {
	t.Helper()
	var sub struct{ ID string }
	a.call(t, http.MethodPost, testOrg+"/webhook-subscriptions", map[string]any{
		"postUri": uri + "?key=" + c.query, "events": []string{"*"}, "isDevelopment": false, "headers": map[string]string{"X-Api-Key": c.header},
	}, &sub, http.StatusCreated)
	path := testOrg + "/webhook-subscriptions/" + sub.ID
	a.call(t, http.MethodPost, path+"/webhook-secret-histories", map[string]any{"secretKey": c.secret}, nil, http.StatusCreated)
	return path
}

func (c *canaries) publish(t *testing.T, a api) (id string) {
	t.Helper()
	e := event(72)
	e["data"].(map[string]any)["note"] = c.payload
	var answer struct{ ID string }
	a.call(t, http.MethodPost, testOrg+"/events", e, &answer, http.StatusAccepted)
	return answer.ID
}

// ends waits until an attempt has ended with an error; "" is success.
func (c *canaries) ends(t *testing.T, a api, sub, want string) {
	t.Helper()
	within(t, func() bool {
		var list struct {
			Items []struct {
				Status string
				Error  *string
			}
		}
		a.call(t, http.MethodGet, sub+"/activity?take=100", nil, &list, http.StatusOK)
		for _, i := range list.Items {
			if want == "" && i.Status == "succeeded" || i.Error != nil && *i.Error == want {
				return true
			}
		}
		return false
	})
}
