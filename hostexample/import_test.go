package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

// The secrets of the records, in the forms of Svix and of Convoy.
const (
	svixKey   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	convoyKey = "Vuk5LM0uujddIsqO5v_eSuz88"
)

const (
	importOrg = "7152ff07-72b4-4934-b96c-9283003188a1"
	acmeOrg   = "8152ff07-72b4-4934-b96c-9283003188b2"
)

// svixFile has an endpoint with everything, and one with nothing that can be left out.
const svixFile = `
{"application": {"id": "app_1", "uid": "` + importOrg + `", "name": "Clinic"},
 "endpoint": {"id": "ep_1", "url": "https://Example.com:443/hook", "description": "Main", "filterTypes": ["vitals.observation.created"],
  "rateLimit": 10, "disabled": true, "channels": null, "version": 1, "metadata": {}, "createdAt": "2026-01-01T00:00:00Z"},
 "secret": {"key": "` + svixKey + `"}, "headers": {"headers": {"X-Tenant": "17"}, "sensitive": []}}
{"application": {"id": "app_2"}, "endpoint": {"id": "ep_2", "url": "https://example.com/other"},
 "secret": {"key": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "headers": {"headers": {}, "sensitive": []}}
`

const convoyFile = `
{"status": true, "data": {"content": [{"uid": "s1", "name": "S", "endpoint_metadata": {"uid": "e1"},
  "filter_config": {"event_types": ["vitals.observation.created", "phone-log.call.completed"], "filter": {"headers": {}, "body": {}}}}]}}
{"status": true, "data": {"content": [
 {"uid": "e1", "name": "Main", "description": "d", "url": "https://example.com/hook", "owner_id": "` + importOrg + `", "status": "active",
  "secrets": [{"value": "outdated-secret", "expires_at": "2026-01-01T00:00:00Z"}, {"value": "` + convoyKey + `", "expires_at": null}],
  "rate_limit": 60, "rate_limit_duration": 120, "http_timeout": "20s",
  "authentication": {"type": "api_key", "api_key": {"header_name": "x-api-key", "header_value": "k"}}},
 {"uid": "e2", "name": "Paused", "url": "https://example.com/hook", "owner_id": "acme", "status": "paused",
  "secrets": [{"value": "` + convoyKey + `"}],
  "rate_limit": 0, "http_timeout": 10}]}}
`

// importing is a database with the sample catalog, to which records are imported.
type importing struct {
	*testing.T
	folder string
	hooks  *webhooks.Webhooks
}

func newImporting(t *testing.T) *importing {
	t.Helper()
	i := &importing{T: t, folder: t.TempDir()}
	db, err := sqlite.Open(t.Context(), filepath.Join(i.folder, "webhooks.db"), sqlite.Options{})
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
		err = db.Migrate(t.Context())
	}
	if err == nil {
		i.hooks, err = webhooks.New(db, webhooks.Config{})
	}
	if err == nil {
		_, err = i.hooks.Registry.Seed(t.Context(), os.DirFS("seed"))
	}
	if err != nil {
		t.Fatal(err)
	}
	i.write("organizations.json", `{"app_2": "`+acmeOrg+`", "acme": "`+acmeOrg+`"}`)
	return i
}

func (i *importing) write(name, text string) string {
	i.Helper()
	path := filepath.Join(i.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		i.Fatal(err)
	}
	return path
}

// run imports a file.
func (i *importing) run(source, text string, args ...string) result {
	i.Helper()
	r := command(i.T, []string{"WEBHOOKS_SECRET_KEYS=off"}, append([]string{
		"import", "--from", source, "--store=sqlite:" + filepath.Join(i.folder, "webhooks.db"),
		"--organizations=" + filepath.Join(i.folder, "organizations.json"), i.write("records.json", text),
	}, args...)...)
	for _, secret := range []string{svixKey, convoyKey, "outdated-secret", "/hook"} {
		if strings.Contains(r.stdout+r.stderr, secret) {
			i.Errorf("the output shows %q: %s%s", secret, r.stdout, r.stderr)
		}
	}
	return r
}

// results returns the last column of the table.
func (r result) results() []string {
	var all []string
	for line := range strings.Lines(r.stdout) {
		if columns := strings.Split(strings.TrimSpace(line), "  "); columns[0] != "RECORD" {
			all = append(all, strings.TrimSpace(columns[len(columns)-1]))
		}
	}
	return all
}

// subscriptions returns the subscriptions of an organization, each with its current secret.
func (i *importing) subscriptions(org string) ([]webhooks.Subscription, []string) {
	i.Helper()
	id := uuid.MustParse(org)
	found, err := i.hooks.Subscriptions.List(context.Background(), id, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 100}})
	if err != nil {
		i.Fatal(err)
	}
	var secrets []string
	for _, s := range found.Items {
		all, err := i.hooks.Subscriptions.Secrets(context.Background(), id, s.ID, webhooks.Page{Take: 100})
		if err != nil {
			i.Fatal(err)
		}
		for _, one := range all.Items {
			if one.ValidTo.IsZero() {
				secrets = append(secrets, one.Key)
			}
		}
	}
	return found.Items, secrets
}

func TestImport(t *testing.T) {
	t.Parallel()
	t.Run("Svix", func(t *testing.T) {
		t.Parallel()
		i := newImporting(t)
		for _, want := range [][]string{{"created, inactive", "created"}, {"exists", "exists"}} {
			if r := i.run("svix", svixFile); r.code != 0 || !slices.Equal(r.results(), want) {
				t.Errorf("exit %d, %q, want %q: %s", r.code, r.results(), want, r.stderr)
			}
		}
		all, secrets := i.subscriptions(importOrg)
		s := all[0]
		if len(all) != 1 || s.PostURI != "https://example.com/hook" || s.Active || s.RateLimit != 10 || s.Description != "Main" ||
			s.Selectors[0].EventType.Code != "vitals.observation.created" || !maps.Equal(s.Headers, map[string]string{"X-Tenant": "17"}) {
			t.Errorf("%d subscriptions: %+v", len(all), s)
		}
		others, more := i.subscriptions(acmeOrg)
		if len(others) != 1 || !others[0].Active || others[0].Selectors[0].Pattern != "*" {
			t.Errorf("%+v", others)
		}
		if !slices.Equal(append(secrets, more...), []string{svixKey, svixKey}) {
			t.Errorf("the secrets are not those of the records")
		}
	})
	t.Run("Convoy", func(t *testing.T) {
		t.Parallel()
		i := newImporting(t)
		for _, want := range [][]string{{"created", "created, inactive"}, {"exists", "exists"}} {
			if r := i.run("convoy", convoyFile); r.code != 0 || !slices.Equal(r.results(), want) {
				t.Errorf("exit %d, %q, want %q: %s", r.code, r.results(), want, r.stderr)
			}
		}
		all, secrets := i.subscriptions(importOrg)
		s := all[0]
		if len(all) != 1 || !s.Active || s.RateLimit != 0.5 || s.Timeout.Seconds() != 20 || s.Description != "Main: d" || len(s.Selectors) != 2 ||
			!maps.Equal(s.Headers, map[string]string{"X-Api-Key": "k"}) || !slices.Equal(secrets, []string{convoyKey}) {
			t.Errorf("%d subscriptions: %+v", len(all), s)
		}
		if others, _ := i.subscriptions(acmeOrg); len(others) != 1 || others[0].Active || len(others[0].Selectors) != 0 {
			t.Errorf("%+v", others)
		}
	})
	t.Run("ADryRunChangesNothing", func(t *testing.T) {
		t.Parallel()
		i := newImporting(t)
		r := i.run("svix", svixFile, "--dry-run")
		all, _ := i.subscriptions(importOrg)
		if want := []string{"would be created", "would be created"}; r.code != 0 || !slices.Equal(r.results(), want) || len(all) != 0 {
			t.Errorf("exit %d, %q, %d subscriptions: %s", r.code, r.results(), len(all), r.stderr)
		}
	})
	t.Run("AnImportThatWasInterruptedIsCompleted", func(t *testing.T) {
		t.Parallel()
		i := newImporting(t)
		in := webhooks.SubscriptionInput{PostURI: "https://example.com/hook"}
		_, _, err := i.hooks.Subscriptions.Create(t.Context(), uuid.MustParse(importOrg), in)
		if err != nil {
			t.Fatal(err)
		}
		if r := i.run("svix", svixFile); r.code != 0 || r.results()[0] != "completed, inactive" {
			t.Errorf("exit %d, %q: %s", r.code, r.results(), r.stderr)
		}
		if all, secrets := i.subscriptions(importOrg); len(all) != 1 || secrets[0] != svixKey || all[0].Active {
			t.Errorf("%+v", all)
		}
	})
	t.Run("ASecretThatTheCustomerChangedStays", func(t *testing.T) {
		t.Parallel()
		i := newImporting(t)
		i.run("svix", svixFile)
		all, _ := i.subscriptions(importOrg)
		changed, err := i.hooks.Subscriptions.RotateSecret(t.Context(), uuid.MustParse(importOrg), all[0].ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := i.run("svix", svixFile); r.results()[0] != "exists" {
			t.Errorf("%q", r.results())
		}
		if _, secrets := i.subscriptions(importOrg); secrets[0] != changed.Key {
			t.Error("the secret was changed back")
		}
	})
	t.Run("EndpointsWithOneURLAreApart", func(t *testing.T) {
		t.Parallel()
		i := newImporting(t)
		twice := svixFile + svixFile
		i.run("svix", twice)
		r := i.run("svix", twice)
		if all, _ := i.subscriptions(importOrg); len(all) != 2 || !slices.Equal(r.results(), []string{"exists", "exists", "exists", "exists"}) {
			t.Errorf("%d subscriptions, %q", len(all), r.results())
		}
	})
}

// TestImportNamesRecordAndField has a wrong record beside a right one. The right one is not imported.
func TestImportNamesRecordAndField(t *testing.T) {
	t.Parallel()
	i := newImporting(t)
	for _, c := range []struct{ source, old, text, want string }{
		{"svix", svixFile, " ", "has no endpoints"},
		{"svix", `"https://example.com/other"`, `"http://example.com/other"`, "record 2 (ep_2): endpoint.url must start with https://"},
		{"svix", `"https://example.com/other"`, `"https://10.0.0.1/other"`, "record 2 (ep_2): endpoint.url"},
		{"svix", `"https://example.com/other"`, `""`, "record 2 (ep_2): endpoint.url is missing"},
		{"svix", `"vitals.observation.created"`, `"unknown"`, "record 1 (ep_1): endpoint.filterTypes"},
		{"svix", `"channels": null`, `"channels": ["a"]`, "record 1 (ep_1): endpoint.channels"},
		{"svix", `"X-Tenant"`, `"Host"`, "record 1 (ep_1): headers.headers"},
		{"svix", `"sensitive": []`, `"sensitive": ["Authorization"]`, "record 1 (ep_1): headers.sensitive"},
		{"svix", `"rateLimit": 10`, `"rateLimit": -1`, "record 1 (ep_1): endpoint.rateLimit"},
		{"svix", `"rateLimit": 10`, `"rateLimit": "10"`, "value 1: endpoint.rateLimit is a JSON string"},
		{"svix", svixKey, "whsec_c2hvcnQ=", "record 1 (ep_1): secret.key"},
		{"svix", svixKey, "whsk_x", "record 1 (ep_1): secret.key is an ed25519 key"},
		{"svix", `"app_2"`, `"app_3"`, `record 2 (ep_2): application.uid is "app_3"`},
		{"svix", `"headers": {"headers": {}, "sensitive": []}}`, `"headers": `, "value 2: unexpected EOF"},
		{"convoy", `"api_key", "api_key"`, `"oauth2", "api_key"`, "endpoint 1 (e1): authentication.type"},
		{"convoy", `"body": {}`, `"body": {"a": 1}`, "subscription s1: filter_config.filter"},
		{"convoy", `"endpoint_metadata": {"uid": "e1"}`, `"endpoint_metadata": {"uid": "e9"}`, "subscription s1: endpoint_metadata.uid"},
		{"convoy", `"http_timeout": 10`, `"http_timeout": 31`, "endpoint 2 (e2): http_timeout"},
		{"convoy", `"owner_id": "acme"`, `"owner_id": ""`, "endpoint 2 (e2): owner_id"},
		{"convoy", `{"value": "` + convoyKey + `"}]`, `]`, "endpoint 2 (e2): secrets has no current secret"},
		{"convoy", `"data": {"content": [{"uid": "s1"`, `"data": {"items": [{"uid": "s1"`, "value 1: data.content is missing"},
	} {
		file := map[string]string{"svix": svixFile, "convoy": convoyFile}[c.source]
		changed := strings.Replace(file, c.old, c.text, 1)
		if changed == file {
			t.Fatalf("%s is not in the file", c.old)
		}
		r := i.run(c.source, changed)
		all, _ := i.subscriptions(importOrg)
		if r.code == 0 || !strings.Contains(r.stderr, c.want) || len(all) != 0 {
			t.Errorf("%s: exit %d, %d subscriptions, want %q:\n%s", c.text, r.code, len(all), c.want, r.stderr)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(svixFile))
	f.Add([]byte(convoyFile))
	f.Add([]byte(`{"data":{"content":[{"endpoint_metadata":{}},{"http_timeout":"-1h","rate_limit":1e308,"rate_limit_duration":1e-300}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, source := range []importSource{"svix", "convoy"} {
			records, err := source.parse(text)
			for _, r := range records {
				if err == nil && (r.input.PostURI == "" || r.secret == "" || r.owner == "") {
					t.Errorf("%s: a record without URL, secret or owner is accepted: %+v", source, r.name)
				}
			}
		}
	})
}
