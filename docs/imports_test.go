//go:build unix

package docs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
)

// importsInto starts a host, into whose database the block imports.
func (s *scene) importsInto() {
	s.Helper()
	s.startsDev()
	s.setenv("WEBHOOKS_STORE", "sqlite:webhooks.db")
	s.setenv("WEBHOOKS_SECRET_KEYS_FILE", "webhooks.dev.key")
}

// answers are JSON documents by the paths and queries that ask for them with the token "token".
type answers map[string]string

func (a answers) serve(s *scene) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := a[r.URL.RequestURI()]
		switch {
		case r.Header.Get("Authorization") != "Bearer token":
			http.Error(w, "no token", http.StatusUnauthorized)
		case !ok:
			s.Errorf("the script asks for %s", r.URL)
			http.NotFound(w, r)
		default:
			_, _ = fmt.Fprint(w, text)
		}
	}))
	s.Cleanup(server.Close)
	return server.URL
}

// svix has an application without and one with a UUID, on two pages of a list, and an endpoint of each.
var svix = answers{
	"/api/v1/app/?limit=250": `{"data": [{"id": "app_2abc", "uid": null}], "iterator": "a b&c", "done": false}`,
	"/api/v1/app/?limit=250&iterator=a%20b%26c": `{"data": [{"id": "app_3", "uid": "8152ff07-72b4-4934-b96c-9283003188b2"}],
		"iterator": null, "done": true}`,
	"/api/v1/app/app_2abc/endpoint/?limit=250": `{"data": [{"id": "ep_1", "url": "https://example.com/hook", "disabled": true,
		"filterTypes": ["vitals.observation.created"]}], "iterator": null, "done": true}`,
	"/api/v1/app/app_3/endpoint/?limit=250":       `{"data": [{"id": "ep_2", "url": "https://example.com/"}], "iterator": null, "done": true}`,
	"/api/v1/app/app_2abc/endpoint/ep_1/secret/":  `{"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`,
	"/api/v1/app/app_2abc/endpoint/ep_1/headers/": `{"headers": {"X-Tenant": "17"}, "sensitive": []}`,
	"/api/v1/app/app_3/endpoint/ep_2/secret/":     `{"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`,
	"/api/v1/app/app_3/endpoint/ep_2/headers/":    `{"headers": {}, "sensitive": []}`,
}

func fromSvix(s *scene) {
	needTools(s.T, "bash", "curl", "jq")
	s.setenv("SVIX_URL", svix.serve(s))
	s.setenv("SVIX_TOKEN", "token")
	s.write("endpoints.json", s.run())
	s.write("organizations.json", regexp.MustCompile(`\{"app_2abc": [^}]*\}`).FindString(s.page))
}

// importer imports the file that the script for Svix makes, and prints the table of the page.
func importer(s *scene) {
	script := *s
	own := *s.blocks["migrating.md: From Svix"]
	script.block = &own
	fromSvix(&script)
	s.importsInto()
	s.replace("postgres://…", "sqlite:webhooks.db")
	s.replace("/run/secrets/webhooks-keys", "webhooks.dev.key")
	s.runs()
}

// convoy has two pages of endpoints, and one of subscriptions.
var convoy = answers{
	"/api/v1/projects/p/endpoints?perPage=100": `{"status": true, "data": {"content": [{"uid": "e1", "name": "Main",
		"url": "https://example.com/hook", "owner_id": "7152ff07-72b4-4934-b96c-9283003188a1", "status": "active",
		"secrets": [{"value": "Vuk5LM0uujddIsqO5v_eSuz88"}]}],
		"pagination": {"has_next_page": true, "next_page_cursor": "a b&c"}}}`,
	"/api/v1/projects/p/endpoints?perPage=100&direction=next&next_page_cursor=a%20b%26c": `{"status": true, "data": {"content": [
		{"uid": "e2", "name": "Other", "url": "https://example.com/other", "owner_id": "7152ff07-72b4-4934-b96c-9283003188a1",
		"status": "paused", "secrets": [{"value": "Vuk5LM0uujddIsqO5v_eSuz88"}]}], "pagination": {"has_next_page": false}}}`,
	"/api/v1/projects/p/subscriptions?perPage=100": `{"status": true, "data": {"content": [{"uid": "s1", "name": "S",
		"endpoint_metadata": {"uid": "e1"}, "filter_config": {"event_types": ["vitals.observation.created"]}}],
		"pagination": {"has_next_page": false}}}`,
}

func fromConvoy(s *scene) {
	needTools(s.T, "bash", "curl", "jq")
	s.setenv("CONVOY_URL", convoy.serve(s))
	s.setenv("CONVOY_PROJECT", "p")
	s.setenv("CONVOY_KEY", "token")
	s.write("endpoints.json", s.run())
	s.importsInto()
	s.contains(s.sh("hostexample import --from convoy --dry-run endpoints.json"),
		"vitals.observation.created  would be created", "(e2)")
}

func fromOwnTable(s *scene) {
	s.setenv("DATABASE_URL", s.database())
	s.sh(`psql -q -v ON_ERROR_STOP=1 "$DATABASE_URL" <<'SQL'
CREATE TABLE webhook_endpoints (
	customer_id uuid, id text, url text, name text, event_types text[], active boolean, secret text, headers jsonb);
INSERT INTO webhook_endpoints VALUES
	('7152ff07-72b4-4934-b96c-9283003188a1', 'one', 'https://example.com/hook', 'Main', '{vitals.observation.created}', true,
	'a secret of 26 characters.', '{"X-Tenant": "17"}');
SQL`)
	s.importsInto()
	s.contains(s.run(), "record 1 (one)", "vitals.observation.created  would be created")

	example := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(s.page)
	s.write("convoy.json", strings.ReplaceAll(example[1], "order.paid", "vitals.observation.created"))
	if !json.Valid([]byte(strings.Split(example[1], "\n")[0])) {
		s.Error("the example is no JSON")
	}
	s.contains(s.sh("hostexample import --from convoy --dry-run convoy.json"), "would be created")
}
