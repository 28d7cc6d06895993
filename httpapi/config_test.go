package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// answers returns the answers of a handler of the configuration.
func answers(t *testing.T, c httpapi.Config) func(method, path string) *httptest.ResponseRecorder {
	t.Helper()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.Authenticator = tokens{}
	api, err := httpapi.New(hooks, c)
	if err != nil {
		t.Fatal(err)
	}
	return func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
}

// openAPIOf reads the document that a handler answers with, which must be valid.
func openAPIOf(t *testing.T, ask func(method, path string) *httptest.ResponseRecorder) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(ask("GET", "/api/openapi.json").Body.Bytes())
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestWhatIsSwitchedOffIsNotThere(t *testing.T) {
	t.Parallel()
	const success, failure = "/api/webhook-processors/success-response", "/api/webhook-processors/failed-response"
	open := map[string]string{"/docs": "GET", "/healthcheck": "GET", success: "POST", failure: "POST"}
	for rule, tt := range map[string]struct {
		config httpapi.Config
		off    []string
		tag    string // that goes with it, "" if others stay under it
	}{
		"Nothing":     {httpapi.Config{}, nil, ""},
		"Docs":        {httpapi.Config{NoDocs: true}, []string{"/docs"}, ""},
		"Healthcheck": {httpapi.Config{NoHealthcheck: true}, []string{"/healthcheck"}, "Health"},
		"Sinks":       {httpapi.Config{NoSinks: true}, []string{success, failure}, "WebhookProcessors"},
		"All": {
			httpapi.Config{NoDocs: true, NoHealthcheck: true, NoSinks: true}, []string{"/docs", "/healthcheck", success, failure}, "Health",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			tt.config.PortalLinks = links{}
			ask := answers(t, tt.config)
			doc := openAPIOf(t, ask)
			for path, method := range open {
				off := slices.Contains(tt.off, path)
				for _, m := range []string{method, "OPTIONS", "PUT"} {
					if got := ask(m, path).Code; off != (got == http.StatusNotFound) {
						t.Errorf("%s %s: %d; off: %v", m, path, got, off)
					}
				}
				if off != (doc.Paths.Value(path) == nil) {
					t.Errorf("%s is in the document: %v; off: %v", path, !off, off)
				}
				if page := ask("GET", "/docs").Body.String(); !tt.config.NoDocs && off == strings.Contains(page, "<code>"+path+"</code>") {
					t.Errorf("%s is on the page: %v", path, off)
				}
			}
			if total := len(httpapi.Routes()) - len(tt.off); doc.Paths.Len() == 0 || operationsOf(doc) != total {
				t.Errorf("%d operations, want %d", operationsOf(doc), total)
			}
			if tag := doc.Tags.Get(tt.tag); tag != nil {
				t.Errorf("the tag %s has no operation", tt.tag)
			}
			if got := ask("GET", "/api/webhook-categories").Code; got != http.StatusUnauthorized {
				t.Errorf("another operation without a token: %d", got)
			}
		})
	}
}

func operationsOf(doc *openapi3.T) (n int) {
	for _, item := range doc.Paths.Map() {
		n += len(item.Operations())
	}
	return n
}

func TestCredentialsAreTheAuthenticators(t *testing.T) {
	t.Parallel()
	schemes := func(pairs ...string) map[string]json.RawMessage {
		all := map[string]json.RawMessage{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = json.RawMessage(pairs[i+1])
		}
		return all
	}
	for rule, tt := range map[string]struct {
		config    httpapi.Config
		challenge string
		names     string // of the schemes, any one of which will do
		page      []string
	}{
		"JWT": {
			httpapi.Config{}, "Bearer", "bearer", []string{"want the header Authorization: Bearer.", `-H &#34;Authorization: Bearer $TOKEN&#34;`},
		},
		"Basic": {
			httpapi.Config{Challenge: `Basic realm="hooks"`, SecuritySchemes: schemes("password", `{"type": "http", "scheme": "basic"}`)},
			`Basic realm="hooks"`, "password",
			[]string{"want the header Authorization: Basic.", `-u &#34;$USER:$PASSWORD&#34;`},
		},
		"KeyOrCookie": {
			httpapi.Config{Challenge: "Key, Session", SecuritySchemes: schemes(
				"session", `{"type": "apiKey", "in": "cookie", "name": "sid"}`, "key",
				`{"type": "apiKey", "in": "header", "name": "X-Key", "description": "Ask us."}`)},
			"Key, Session", "key session",
			[]string{"want the header X-Key or the cookie sid.", `-H &#34;X-Key: $KEY&#34;`},
		},
		"KeyInTheQuery": {
			httpapi.Config{Challenge: "Key", SecuritySchemes: schemes("key", `{"type": "apiKey", "in": "query", "name": "key"}`)},
			"Key", "key",
			[]string{"want the query parameter key.", "?key=$KEY&#34;"},
		},
		"OAuth": {
			httpapi.Config{SecuritySchemes: schemes(
				"login", `{"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://example.com/token", "scopes": {}}}}`,
			)},
			"Bearer", "login",
			[]string{`-H &#34;Authorization: Bearer $TOKEN&#34;`},
		},
		"OpenID": {
			httpapi.Config{SecuritySchemes: schemes("login", `{"type": "openIdConnect", "openIdConnectUrl": "https://example.com/"}`)},
			"Bearer",
			"login", nil,
		},
		"Certificate": {
			httpapi.Config{Challenge: "Mutual", SecuritySchemes: schemes("tls", `{"type": "mutualTLS"}`)},
			"Mutual", "tls",
			[]string{"want a client certificate.", "--cert &#34;$CERTIFICATE&#34;"},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			ask := answers(t, tt.config)
			if w := ask("GET", "/api/webhook-categories"); w.Code != http.StatusUnauthorized ||
				!slices.Equal(w.Header().Values("WWW-Authenticate"), []string{tt.challenge}) {
				t.Errorf("without credentials: %d %v, want the challenge %q", w.Code, w.Header(), tt.challenge)
			}
			doc := openAPIOf(t, ask)
			var anyOf []string
			for _, requirement := range doc.Security {
				for name, roles := range requirement {
					if anyOf = append(anyOf, name); len(requirement) != 1 || len(roles) != 0 || doc.Components.SecuritySchemes[name] == nil {
						t.Errorf("the requirement %v is not one scheme of the document", requirement)
					}
				}
			}
			if got := strings.Join(anyOf, " "); got != tt.names || len(doc.Components.SecuritySchemes) != len(anyOf) {
				t.Errorf("the schemes are %q of %v, want %q", got, doc.Components.SecuritySchemes, tt.names)
			}
			page := ask("GET", "/docs").Body.String()
			for _, text := range tt.page {
				if !strings.Contains(page, text) {
					t.Errorf("the page lacks %q", text)
				}
			}
			if tt.names != "bearer" && tt.names != "login" && strings.Contains(page, "Bearer") {
				t.Error("the page asks for a bearer token")
			}
		})
	}
}

func TestNewRefusesCredentialsThatNoClientUnderstands(t *testing.T) {
	t.Parallel()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	scheme := func(name, text string) httpapi.Config {
		return httpapi.Config{SecuritySchemes: map[string]json.RawMessage{name: json.RawMessage(text)}}
	}
	for want, c := range map[string]httpapi.Config{
		"Challenge":                      {Challenge: "Basic\r\nX-Injected: 1"},
		`["nil"]`:                        {SecuritySchemes: map[string]json.RawMessage{"nil": nil}},
		`has the name "a b"`:             scheme("a b", `{"type": "mutualTLS"}`),
		`type is ""`:                     scheme("x", `null`),
		`type is "basic"`:                scheme("x", `{"type": "basic"}`),
		"type http needs scheme":         scheme("x", `{"type": "http"}`),
		"type apiKey needs name":         scheme("x", `{"type": "apiKey", "in": "header"}`),
		`in is "body"`:                   scheme("x", `{"type": "apiKey", "in": "body", "name": "x"}`),
		"type oauth2 needs flows":        scheme("x", `{"type": "oauth2"}`),
		"openIdConnect needs openIdConn": scheme("x", `{"type": "openIdConnect"}`),
	} {
		c.Authenticator = tokens{}
		if _, err := httpapi.New(hooks, c); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "httpapi: Config.") {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
