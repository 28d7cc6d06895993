package portal_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks"
)

// shells are the shells of this machine that the command of a page is for.
func shells() (found []string) {
	for _, name := range []string{"sh", "dash", "bash", "zsh"} {
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// fakeCurl writes its input and its arguments into files beside it.
const fakeCurl = `#!/bin/sh
dir=${0%/*}
cat >"$dir/body"
for arg do printf '%s\000' "$arg"; done >"$dir/arguments"
`

func TestTheCommandSendsTheSameBytes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hidden, err := json.Marshal(hostile)
	s.check(err)
	seen, _, _ := strings.Cut(hostile, "\u202e")
	for _, data := range []any{
		json.RawMessage(`"` + "\u202e" + `\u0000\n"`), json.RawMessage(hidden), seen, "@file", "it's", strings.Repeat("long ", 60_000),
	} {
		endpoint := s.endpoint("https://hooks.acme.example/a'b?c[1]=$(id)", "order.cancelled")
		s.publish("order.cancelled", data)
		d := s.delivery(endpoint, webhooks.OnlySucceeded)
		_, program, _ := strings.Cut(s.get(s.deliveryPage(d)+"?code=curl").between(`<pre id="program"`, "</pre>"), ">")
		for _, shell := range shells() {
			dir := t.TempDir()
			s.check(os.WriteFile(filepath.Join(dir, "curl"), []byte(fakeCurl), 0o700))
			run := exec.CommandContext(t.Context(), shell)
			run.Dir, run.Env, run.Stdin = dir, []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, strings.NewReader(program)
			if out, err := run.CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("%s: %v %s", shell, err, out)
			}
			body, err := os.ReadFile(filepath.Join(dir, "body"))
			s.check(err)
			if string(body) != string(d.Body) {
				t.Errorf("%s sends %.300q, want %.300q", shell, body, d.Body)
			}
			arguments, err := os.ReadFile(filepath.Join(dir, "arguments"))
			s.check(err)
			if words := strings.Split(string(arguments), "\x00"); !slices.Contains(words, "https://hooks.acme.example/a'b?c[1]=$(id)") ||
				!slices.Contains(words, "Webhook-Id: "+d.MessageID.String()) {
				t.Errorf("%s calls curl with %q", shell, words)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 3 {
				t.Errorf("%s made files: %v", shell, entries)
			}
		}
	}
}

func TestTheProgramVerifiesTheDelivery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	endpoint := s.endpoint("https://hooks.acme.example/verify", "order.cancelled")
	s.publish("order.cancelled", hostile)
	d := s.delivery(endpoint, webhooks.OnlySucceeded)
	current, err := s.service.Hooks.Subscriptions.SecretAt(t.Context(), s.service.Acme, endpoint, time.Now())
	s.check(err)
	secret := current.Key
	for tool, run := range map[string][]string{
		"go": {"verify.go", "go", "run"}, "javascript": {"verify.mjs", "node"}, "python": {"verify.py", "python3"},
	} {
		address := s.deliveryPage(d) + "?code=" + tool
		hidden := s.get(address).is(http.StatusOK, "whsec_...", "Put the secret into the program").lacks(secret)
		hidden.is(http.StatusOK, `method="post" action="`+address+`"`)
		shown := s.post(address, nil).is(http.StatusOK, "Do not share it.")
		_, program, _ := strings.Cut(shown.between(`<pre id="program"`, "</pre>"), ">")
		file := filepath.Join(t.TempDir(), run[0])
		s.check(os.WriteFile(file, []byte(program), 0o600))
		if _, err := exec.LookPath(run[1]); err != nil {
			t.Logf("this machine has no %s", run[1])
			continue
		}
		cmd := exec.CommandContext(t.Context(), run[1], append(run[2:], file)...)
		cmd.Env = append(os.Environ(), "GOFLAGS=") // flags such as -v print more
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "valid: true\n" {
			t.Errorf("%s: %v\n%s\n%s", tool, err, out, program)
		}
		s.get(address).lacks(secret)
	}
	s.post(s.deliveryPage(d)+"?code=curl", nil).is(http.StatusOK).lacks(secret)
}
