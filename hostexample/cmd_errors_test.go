package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

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
	if r := o.run(environ, "publish", "vitals.observation.created", observation); !r.says(exitFailed, "at most 10 bytes") {
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
